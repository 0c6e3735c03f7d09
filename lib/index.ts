// The module
export { XeniooModule } from './xenioo.module.js';
export type {
  XeniooDefinitionOptions,
  XeniooInboxProvider,
  XeniooModuleAsyncOptions,
  XeniooModuleOptions,
} from './xenioo.module-definition.js';
export type {
  XeniooBot,
  XeniooOptions,
  XeniooOptionsFactory,
} from './xenioo.options.js';

// Handlers
export {
  OnXenioo,
  type OnXeniooOptions,
  type XeniooHandlerDecorator,
} from './handlers/on-xenioo.decorator.js';
export { OnXeniooInvalid } from './handlers/on-xenioo-invalid.decorator.js';

// Events
export { XeniooEventType } from './events/xenioo-event-type.js';
export { XeniooEvent } from './events/xenioo.event.js';
export {
  BotMessageEvent,
  UnmatchedMessageEvent,
  UserMessageEvent,
  XeniooMessageEvent,
} from './events/message.events.js';
export {
  ConversationErrorEvent,
  FallbackEvent,
  HandOverEvent,
  TakeOverEvent,
  UserConnectedEvent,
  UserReturnedEvent,
  WrongReplyEvent,
} from './events/conversation.events.js';
export {
  EntityDeletedEvent,
  EntityUpdatedEvent,
  IntentDeletedEvent,
  IntentUpdatedEvent,
  XeniooKnowledgeEvent,
} from './events/knowledge.events.js';
export { UnknownXeniooEvent } from './events/unknown.event.js';
export {
  InvalidXeniooEntry,
  type InvalidXeniooReason,
} from './events/invalid-xenioo.entry.js';
export {
  XENIOO_EVENT_NAMES,
  type XeniooEventOf,
} from './events/xenioo-event.table.js';

// How the webhook fares
export {
  XeniooHookStatus,
  type XeniooStrike,
} from './webhook/xenioo.hook-status.js';

// Inboxes
export { XeniooInbox, type XeniooDelivery } from './inbox/xenioo.inbox.js';
export { MemoryInbox, type MemoryInboxSettings } from './inbox/memory.inbox.js';
export type { XeniooEntry } from './events/parse-entry.js';
export type {
  XeniooDispatch,
  XeniooOutcome,
} from './handlers/xenioo.dispatcher.js';

// Errors
export {
  XeniooHandlerError,
  XeniooInboxError,
  XeniooOptionsError,
} from './xenioo.errors.js';
