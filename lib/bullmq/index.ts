export { bullmqInbox } from './bullmq-inbox.js';
export { BullmqInbox } from './bullmq.inbox.js';
export type {
  BullmqBackend,
  BullmqInboxOptions,
  BullmqInboxOptionsFactory,
  BullmqWorkerOptions,
} from './bullmq.inbox-options.js';
