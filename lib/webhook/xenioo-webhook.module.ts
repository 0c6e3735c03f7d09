import { Module } from '@nestjs/common';
import { XeniooHandlersModule } from '../handlers/xenioo-handlers.module.js';
import { XeniooUrls } from './xenioo.urls.js';
import { XeniooWebhookStatus } from './xenioo.webhook-status.js';

/** Providers that the webhooks of all instances of `XeniooModule` in one application share. */
@Module({
  imports: [XeniooHandlersModule],
  providers: [XeniooWebhookStatus, XeniooUrls],
  exports: [XeniooWebhookStatus, XeniooUrls],
})
export class XeniooWebhookModule {}
