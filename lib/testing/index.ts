/**
 * Functions for tests of an application, a sender of events, and the contract of inboxes.
 * @module nestjs-xenioo/testing
 */

// Entries as Xenioo sends them
export {
  createXeniooEntry,
  xeniooEntry,
  type XeniooEntryFactories,
  type XeniooEntryFactory,
  type XeniooEntryName,
  type XeniooEntryOptions,
} from '../simulator/xenioo-entry.js';
export {
  xeniooConversation,
  type XeniooConversationOptions,
} from '../simulator/xenioo-conversation.js';
export {
  xeniooGroup,
  xeniooTraffic,
  type XeniooTrafficOptions,
} from '../simulator/xenioo-traffic.js';
export type {
  XeniooWireEntry,
  XeniooWireFields,
} from '../simulator/xenioo-wire-entry.js';

// The service
export { XeniooSender } from '../simulator/xenioo.sender.js';
export type {
  XeniooCallOptions,
  XeniooSenderOptions,
  XeniooSendOptions,
} from '../simulator/xenioo.sender-options.js';
export type { XeniooAnswer } from '../simulator/post.js';
export type { XeniooFailureCounting } from '../simulator/failure-count.js';
export type {
  XeniooLatencies,
  XeniooReport,
} from '../simulator/xenioo-report.js';

// In tests of an application
export {
  deliver,
  senderFor,
  type XeniooDeliverOptions,
  type XeniooSenderForOptions,
} from './deliver.js';
export type { XeniooWebhookChoice } from './webhook-of.js';
export { idle } from './idle.js';
export { dispatched, forget, received } from './received.js';
export type { XeniooDispatchedAttempt } from './recording.js';
export {
  overrideXenioo,
  type XeniooOverrides,
  type XeniooTestTransaction,
} from './override-xenioo.js';

// Errors
export {
  XeniooSenderStoppedError,
  XeniooTestingError,
} from '../simulator/xenioo-testing.errors.js';

// For those who write an inbox
export { xeniooInboxContract } from './inbox-contract.js';
export type {
  XeniooInboxContractCase,
  XeniooInboxSettings,
  XeniooInboxStorage,
  XeniooInboxUnderTest,
} from './xenioo.inbox-under-test.js';
