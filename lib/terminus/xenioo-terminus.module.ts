import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { XeniooInboxModule } from '../inbox/xenioo-inbox.module.js';
import { XeniooWebhookModule } from '../webhook/xenioo-webhook.module.js';
import { XeniooHealthIndicator } from './xenioo.health-indicator.js';

/**
 * Provides `XeniooHealthIndicator`, which covers every instance of `XeniooModule`
 * in the application.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [TerminusModule, XeniooTerminusModule],
 *   controllers: [HealthController],
 * })
 * export class HealthModule {}
 * ```
 */
@Module({
  imports: [TerminusModule, XeniooInboxModule, XeniooWebhookModule],
  providers: [XeniooHealthIndicator],
  exports: [XeniooHealthIndicator],
})
export class XeniooTerminusModule {}
