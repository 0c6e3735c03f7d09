import { Controller, Get } from '@nestjs/common';

/** Answers probes. It depends on nothing else, since a pod that is not ready gets no calls. */
@Controller('health')
export class HealthController {
  @Get()
  check() {
    return 'ok';
  }
}
