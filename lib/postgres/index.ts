/**
 * The inbox on PostgreSQL: durable and shared by several servers.
 * @module nestjs-xenioo/postgres
 */

export { postgresInbox } from './postgres-inbox.factory.js';
export { PostgresInbox } from './postgres.inbox.js';
export type {
  PostgresInboxOptions,
  PostgresInboxOptionsFactory,
  PostgresTransactionRunner,
} from './postgres.inbox-options.js';
export type { XeniooTransaction } from '../handlers/xenioo-transaction.js';
