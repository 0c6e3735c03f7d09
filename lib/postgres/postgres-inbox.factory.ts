import type { XeniooInboxProvider } from '../inbox/xenioo.inbox-provider.js';
import {
  XENIOO_SETTINGS,
  type XeniooSettings,
} from '../options/xenioo.options.js';
import { loadPg } from './load-pg.js';
import {
  resolvePostgresInboxOptions,
  type PostgresInboxOptions,
  type PostgresInboxOptionsFactory,
} from './postgres.inbox-options.js';
import { PostgresInbox } from './postgres.inbox.js';

/**
 * Makes the `inbox` option of `XeniooModule`: events answered 200 are committed by
 * PostgreSQL, and any process that works on the schema handles them, those of a
 * conversation in order. Needs the package `pg`, version 8.
 *
 * @example
 * ```ts
 * XeniooModule.forRoot({
 *   secret: process.env.XENIOO_SECRET,
 *   inbox: postgresInbox({ connection: process.env.DATABASE_URL }),
 * })
 * ```
 *
 * @throws {XeniooOptionsError} while the application boots, when an option is invalid or the package is missing or of another version
 * @throws {XeniooInboxError} while the application boots, when the database refuses what the inbox needs
 */
export function postgresInbox(
  options: PostgresInboxOptions | PostgresInboxOptionsFactory,
): XeniooInboxProvider {
  const { inject = [], useFactory } =
    'useFactory' in options ? options : { useFactory: () => options };
  return {
    inject: [XENIOO_SETTINGS, ...inject],
    useFactory: async (
      settings: XeniooSettings,
      ...dependencies: unknown[]
    ) => {
      const given: unknown = await useFactory(...dependencies);
      const resolved = resolvePostgresInboxOptions(given);
      return PostgresInbox.open(await loadPg(), resolved, settings);
    },
  };
}
