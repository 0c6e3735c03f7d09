import { Module } from '@nestjs/common';
import { XeniooHandlersModule } from '../handlers/xenioo-handlers.module.js';
import { XeniooHookRecorder } from './xenioo.hook-recorder.js';
import { XeniooHookStatus } from './xenioo.hook-status.js';
import { XeniooUrls } from './xenioo.urls.js';

/** What the webhooks of all instances of `XeniooModule` in one application share. */
@Module({
  imports: [XeniooHandlersModule],
  providers: [
    XeniooHookRecorder,
    { provide: XeniooHookStatus, useExisting: XeniooHookRecorder },
    XeniooUrls,
  ],
  exports: [XeniooHookRecorder, XeniooHookStatus, XeniooUrls],
})
export class XeniooHookModule {}
