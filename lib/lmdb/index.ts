// The inbox
export { lmdbInbox } from './lmdb-inbox.js';
export { LmdbInbox } from './lmdb.inbox.js';
export type {
  LmdbInboxOptions,
  LmdbInboxOptionsFactory,
} from './lmdb.inbox-options.js';
