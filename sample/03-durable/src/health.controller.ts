import { Controller, Get } from '@nestjs/common';

/** Answers probes. It has no dependencies, because a pod that is not ready gets no calls. */
@Controller('health')
export class HealthController {
  @Get()
  check() {
    return 'ok';
  }
}
