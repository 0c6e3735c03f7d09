import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { XeniooModule } from 'nestjs-xenioo';
import { XeniooOpenTelemetryModule } from 'nestjs-xenioo/opentelemetry';
import { XeniooTerminusModule } from 'nestjs-xenioo/terminus';
import { Crm } from './crm.js';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { ProcessingController } from './processing.controller.js';

@Module({
  imports: [
    XeniooModule.forRoot({
      secret: process.env.XENIOO_SECRET ?? 'operations-secret',
      expectCallsWithinMinutes: 60,
    }),
    XeniooOpenTelemetryModule,
    TerminusModule,
    XeniooTerminusModule,
  ],
  controllers: [HealthController, MetricsController, ProcessingController],
  providers: [Crm],
})
export class AppModule {}
