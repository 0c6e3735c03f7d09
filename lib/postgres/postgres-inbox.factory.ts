import { createInboxProvider } from '../inbox/create-inbox-provider.js';
import type { XeniooInboxProvider } from '../inbox/xenioo.inbox-provider.js';
import { loadPg } from './load-pg.js';
import {
  resolvePostgresInboxOptions,
  type PostgresInboxOptions,
  type PostgresInboxOptionsFactory,
} from './postgres.inbox-options.js';
import { PostgresInbox } from './postgres.inbox.js';

/**
 * Creates the `inbox` option of `XeniooModule` for PostgreSQL: events answered 200
 * are committed, and any worker process with the same schema handles them, the
 * events of a conversation in order. Needs the package `pg`, version 8.
 *
 * @example
 * ```ts
 * XeniooModule.forRoot({
 *   secret: process.env.XENIOO_SECRET,
 *   inbox: postgresInbox({ connection: process.env.DATABASE_URL }),
 * })
 * ```
 *
 * @throws {XeniooOptionsError} while the application boots, when an option is invalid, or when the package is missing or its version is not supported
 * @throws {XeniooInboxError} while the application boots, when the database rejects the login or a statement
 */
export function postgresInbox(
  options: PostgresInboxOptions | PostgresInboxOptionsFactory,
): XeniooInboxProvider {
  return createInboxProvider(options, async (given, settings) => {
    const resolved = resolvePostgresInboxOptions(given);
    return PostgresInbox.open(await loadPg(), resolved, settings);
  });
}
