import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService } from '@nestjs/terminus';
import { XeniooHealthIndicator } from 'nestjs-xenioo/terminus';

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly xenioo: XeniooHealthIndicator,
  ) {}

  /** Checks only that the process answers: a restart fixes neither a database nor a backlog. */
  @Get('live')
  @HealthCheck()
  live() {
    return this.health.check([]);
  }

  @Get('ready')
  @HealthCheck()
  ready() {
    return this.health.check([
      () => this.xenioo.isHealthy('xenioo', { maxPending: 1_000 }),
    ]);
  }
}
