import { Module } from '@nestjs/common';
import { XeniooHandlersModule } from '../handlers/xenioo-handlers.module.js';
import { XeniooDeadLetters } from './xenioo.dead-letters.js';

/** Providers that the inboxes of all instances of `XeniooModule` in one application share. */
@Module({
  imports: [XeniooHandlersModule],
  providers: [XeniooDeadLetters],
  exports: [XeniooDeadLetters],
})
export class XeniooInboxModule {}
