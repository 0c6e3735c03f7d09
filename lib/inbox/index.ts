/**
 * The port that a custom inbox implements, and functions that all inboxes share.
 * @module nestjs-xenioo/inbox
 */

// Port for a custom inbox
export { XeniooInbox } from './xenioo.inbox.js';
export type { XeniooInboxStats, XeniooRunner } from './xenioo.inbox.js';
export type { XeniooInboxProvider } from './xenioo.inbox-provider.js';
export type {
  XeniooCarrier,
  XeniooDelivery,
} from '../events/xenioo-delivery.js';
export type { XeniooEntry } from '../events/parse-entry.js';
export type {
  XeniooHandlerResult,
  XeniooRunOptions,
  XeniooTask,
} from '../handlers/xenioo-task.js';

export type {
  XeniooTimeLimit,
  XeniooTransact,
  XeniooTransaction,
} from '../handlers/xenioo-transaction.js';

// Recording of handler results
export {
  deadLetterOf,
  recordRun,
  type XeniooRetry,
  type XeniooRunRecord,
} from './record-run.js';
export { conversationOf, dedupeId, inOrderOfDate } from './entries.js';

// Stored form
export {
  restoreDeadLetter,
  restoreTask,
  storeDeadLetter,
  storeTask,
} from './stored-form.js';

// Dead letters
export type {
  XeniooDeadLetter,
  XeniooDeadLetterKind,
} from '../handlers/xenioo-dead-letter.js';
export {
  LETTERS_PER_PAGE,
  matchesFilter,
  type XeniooDeadLetterFilter,
  type XeniooDeadLetterQuery,
  type XeniooDeadLetterStore,
} from './xenioo.dead-letter-store.js';

// Settings of an instance, for the factory of an inbox
export { XENIOO_SETTINGS } from '../options/xenioo.options.js';
export type {
  XeniooBotSettings,
  XeniooSettings,
} from '../options/xenioo.options.js';
export type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';
export type { XeniooRetrySettings } from '../options/xenioo-retry.js';
export { XeniooInboxError } from '../xenioo.errors.js';
