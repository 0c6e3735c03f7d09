import { Module } from '@nestjs/common';
import { XeniooHandlersModule } from '../handlers/xenioo-handlers.module.js';
import { XeniooDeadLetters } from './xenioo.dead-letters.js';
import { XeniooProcessing } from './xenioo.processing.js';

/** Providers that the inboxes of all instances of `XeniooModule` in one application share. */
@Module({
  imports: [XeniooHandlersModule],
  providers: [XeniooDeadLetters, XeniooProcessing],
  exports: [XeniooDeadLetters, XeniooProcessing],
})
export class XeniooInboxModule {}
