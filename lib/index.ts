// The module
export { XeniooModule } from './xenioo.module.js';
export type {
  XeniooDefinitionOptions,
  XeniooModuleAsyncOptions,
  XeniooModuleOptions,
} from './xenioo.module-definition.js';
export type {
  XeniooBot,
  XeniooOptions,
  XeniooOptionsFactory,
} from './options/xenioo.options.js';
export type { XeniooDedupeOptions } from './options/xenioo-dedupe.js';
export type { XeniooRetryOptions } from './options/xenioo-retry.js';

// Handlers
export {
  OnXenioo,
  type OnXeniooOptions,
  type XeniooHandlerDecorator,
} from './handlers/on-xenioo.decorator.js';
export { OnXeniooInvalid } from './handlers/on-xenioo-invalid.decorator.js';
export { OnXeniooFailed } from './handlers/on-xenioo-failed.decorator.js';
export { XeniooHandlerFailure } from './handlers/xenioo-handler.failure.js';

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
export type { XeniooInboxProvider } from './inbox/xenioo.inbox-provider.js';
export { MemoryInbox, type MemoryInboxSettings } from './memory/memory.inbox.js';
export type { XeniooEntry } from './events/parse-entry.js';
export type {
  XeniooAttempt,
  XeniooDispatch,
  XeniooFailedHandler,
  XeniooProgress,
  XeniooSettlement,
} from './handlers/xenioo.dispatch.js';

// Dead letters
export { XeniooDeadLetters } from './inbox/xenioo.dead-letters.js';
export type {
  XeniooDeadLetter,
  XeniooDeadLetterFailure,
  XeniooDeadLetterKind,
} from './inbox/dead-letter.js';
export type {
  XeniooDeadLetterFilter,
  XeniooDeadLetterQuery,
  XeniooDeadLetterStore,
  XeniooReplay,
} from './inbox/xenioo.dead-letter-store.js';

// Errors
export {
  XeniooDeadLetterError,
  XeniooHandlerError,
  XeniooInboxError,
  XeniooOptionsError,
  XeniooUnrecoverableError,
} from './xenioo.errors.js';
