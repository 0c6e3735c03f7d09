/**
 * The module, handlers, events, observers, the memory inbox, dead letters and errors.
 * @module nestjs-xenioo
 */

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
  type OnXeniooTransactionalOptions,
} from './handlers/on-xenioo.decorator.js';
export { OnXeniooInvalid } from './handlers/on-xenioo-invalid.decorator.js';
export { OnXeniooFailed } from './handlers/on-xenioo-failed.decorator.js';
export type {
  XeniooHandlerDecorator,
  XeniooHandlerFor,
  XeniooHandlerOptions,
  XeniooTransactionalDecorator,
  XeniooTransactionalFor,
} from './handlers/subscription.js';
export { XeniooHandlerFailure } from './handlers/xenioo-handler.failure.js';

// Events
export { XeniooEventType } from './events/xenioo-event-type.js';
export {
  XeniooEvent,
  BotMessageEvent,
  UnmatchedMessageEvent,
  UserMessageEvent,
  XeniooMessageEvent,
  ConversationErrorEvent,
  FallbackEvent,
  HandOverEvent,
  TakeOverEvent,
  UserConnectedEvent,
  UserReturnedEvent,
  WrongReplyEvent,
  EntityDeletedEvent,
  EntityUpdatedEvent,
  IntentDeletedEvent,
  IntentUpdatedEvent,
  XeniooKnowledgeEvent,
  UnknownXeniooEvent,
} from './events/xenioo.events.js';
export type { XeniooChannel } from './events/xenioo-channel.js';
export {
  InvalidXeniooEntry,
  type InvalidXeniooReason,
} from './events/invalid-xenioo.entry.js';
export {
  XENIOO_EVENT_NAMES,
  type XeniooEventOf,
} from './events/xenioo-event.table.js';

// Operation
export { XeniooWebhookStatus } from './webhook/xenioo.webhook-status.js';
export { XeniooProcessing } from './inbox/xenioo.processing.js';

// Observers
export {
  XeniooObservers,
  type XeniooDuplicates,
  type XeniooHandlerRun,
  type XeniooObserver,
  type XeniooRefusal,
  type XeniooSilence,
  type XeniooStrike,
} from './handlers/xenioo.observers.js';
export type { XeniooHandlerResult } from './handlers/xenioo-task.js';
export type { XeniooTransaction } from './handlers/xenioo-transaction.js';
export type {
  XeniooCarrier,
  XeniooDelivery,
} from './events/xenioo-delivery.js';
export type { XeniooEntry } from './events/parse-entry.js';

// Inboxes
export { XeniooInbox, type XeniooInboxStats } from './inbox/xenioo.inbox.js';
export type { XeniooInboxProvider } from './inbox/xenioo.inbox-provider.js';
export {
  memoryInbox,
  type MemoryInboxOptions,
} from './memory/memory-inbox.factory.js';

// Dead letters
export { XeniooDeadLetters } from './inbox/xenioo.dead-letters.js';
export type {
  XeniooDeadLetter,
  XeniooDeadLetterKind,
} from './handlers/xenioo-dead-letter.js';
export type {
  XeniooDeadLetterFilter,
  XeniooDeadLetterQuery,
} from './inbox/xenioo.dead-letter-store.js';

// Errors
export {
  XeniooDeadLetterError,
  XeniooHandlerError,
  XeniooInboxError,
  XeniooOptionsError,
  XeniooUnrecoverableError,
} from './xenioo.errors.js';
