import { Module } from '@nestjs/common';
import { XeniooHandlersModule } from '../handlers/xenioo-handlers.module.js';
import { XeniooDeadLetters } from './xenioo.dead-letters.js';
import { XeniooInboxRegistry } from './xenioo.inbox-registry.js';

/** What the inboxes of all instances of `XeniooModule` in one application share. */
@Module({
  imports: [XeniooHandlersModule],
  providers: [
    XeniooInboxRegistry,
    { provide: XeniooDeadLetters, useExisting: XeniooInboxRegistry },
  ],
  exports: [XeniooInboxRegistry, XeniooDeadLetters],
})
export class XeniooInboxModule {}
