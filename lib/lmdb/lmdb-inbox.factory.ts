import { createInboxProvider } from '../inbox/create-inbox-provider.js';
import type { XeniooInboxProvider } from '../inbox/xenioo.inbox-provider.js';
import {
  resolveLmdbInboxOptions,
  type LmdbInboxOptions,
  type LmdbInboxOptionsFactory,
} from './lmdb.inbox-options.js';
import { LmdbInbox } from './lmdb.inbox.js';

/**
 * Creates the `inbox` option of `XeniooModule` that stores events on the disk of this
 * machine. An event that was answered 200 survives a crash. Needs the package `lmdb`,
 * version 2.
 *
 * @example
 * ```ts
 * XeniooModule.forRoot({
 *   secret: process.env.XENIOO_SECRET,
 *   inbox: lmdbInbox({ path: '/var/lib/my-app/xenioo' }),
 * })
 * ```
 *
 * @throws {XeniooOptionsError} while the application boots, when an option is invalid
 * @throws {XeniooInboxError} while the application boots, when the folder can't be used
 */
export function lmdbInbox(
  options: LmdbInboxOptions | LmdbInboxOptionsFactory,
): XeniooInboxProvider {
  return createInboxProvider(options, async (given, settings) =>
    LmdbInbox.open(resolveLmdbInboxOptions(given), settings),
  );
}
