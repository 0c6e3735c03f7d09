// Entries as Xenioo sends them
export {
  createXeniooEntry,
  xeniooEntry,
  type XeniooEntryFactories,
  type XeniooEntryFactory,
  type XeniooEntryName,
  type XeniooEntryOptions,
} from './xenioo-entry.js';
export {
  xeniooConversation,
  type XeniooConversationOptions,
} from './xenioo-conversation.js';
export {
  xeniooGroup,
  xeniooTraffic,
  type XeniooTrafficOptions,
} from './xenioo-traffic.js';
export type { XeniooWireEntry, XeniooWireFields } from './xenioo-wire-entry.js';

// The service
export { XeniooSender } from './xenioo.sender.js';
export type {
  XeniooCallOptions,
  XeniooSenderOptions,
  XeniooSendOptions,
} from './xenioo.sender-options.js';
export type { XeniooAnswer } from './post.js';
export type { XeniooFailureReading } from './failure-count.js';
export type { XeniooLatencies, XeniooReport } from './xenioo-report.js';

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
export { overrideXenioo, type XeniooOverrides } from './override-xenioo.js';

// Errors
export {
  XeniooSenderStoppedError,
  XeniooTestingError,
} from './xenioo-testing.errors.js';

// For those who write an inbox
export {
  xeniooInboxContract,
  type XeniooInboxContractCase,
  type XeniooInboxSettings,
  type XeniooInboxStorage,
  type XeniooInboxUnderTest,
} from './inbox-contract.js';
