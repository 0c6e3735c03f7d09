/**
 * The inbox on LMDB: durable on one server.
 * @module nestjs-xenioo/lmdb
 */

// The inbox
export { lmdbInbox } from './lmdb-inbox.factory.js';
export { LmdbInbox } from './lmdb.inbox.js';
export type {
  LmdbInboxOptions,
  LmdbInboxOptionsFactory,
} from './lmdb.inbox-options.js';
