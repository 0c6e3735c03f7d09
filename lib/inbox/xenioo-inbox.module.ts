import { Module } from '@nestjs/common';
import { XeniooHandlersModule } from '../handlers/xenioo-handlers.module.js';
import { XeniooDeadLetters } from './xenioo.dead-letters.js';
import { XeniooProcessing } from './xenioo.processing.js';

/** Provides the services that cover the inboxes of all instances of `XeniooModule` in an application. */
@Module({
  imports: [XeniooHandlersModule],
  providers: [XeniooDeadLetters, XeniooProcessing],
  exports: [XeniooDeadLetters, XeniooProcessing],
})
export class XeniooInboxModule {}
