/**
 * The inbox on BullMQ and Redis: durable and shared by several servers.
 * @module nestjs-xenioo/bullmq
 */

export { bullmqInbox } from './bullmq-inbox.factory.js';
export { BullmqInbox } from './bullmq.inbox.js';
export type {
  BullmqInboxOptions,
  BullmqInboxOptionsFactory,
  RedisClient,
} from './bullmq.inbox-options.js';
