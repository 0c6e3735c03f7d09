import { createInboxProvider } from '../inbox/create-inbox-provider.js';
import type { XeniooInboxProvider } from '../inbox/xenioo.inbox-provider.js';
import {
  resolveBullmqInboxOptions,
  type BullmqInboxOptions,
  type BullmqInboxOptionsFactory,
} from './bullmq.inbox-options.js';
import { BullmqInbox } from './bullmq.inbox.js';
import { loadBullmq } from './load-bullmq.js';

/**
 * Creates the `inbox` option of `XeniooModule` that stores events in a BullMQ queue on
 * Redis. Any process with a worker on the queue handles them. Needs the packages
 * `bullmq` (5 or 6) and `ioredis`.
 *
 * @example
 * ```ts
 * XeniooModule.forRoot({
 *   secret: process.env.XENIOO_SECRET,
 *   inbox: bullmqInbox({ connection: 'redis://localhost:6379' }),
 * })
 * ```
 *
 * @throws {XeniooOptionsError} while the application boots, when an option is invalid or a package is missing or of another version
 * @throws {XeniooInboxError} while the application boots, when Redis rejects the login or a command
 */
export function bullmqInbox(
  options: BullmqInboxOptions | BullmqInboxOptionsFactory,
): XeniooInboxProvider {
  return createInboxProvider(options, async (given, settings) => {
    const resolved = resolveBullmqInboxOptions(given);
    const inbox = new BullmqInbox(await loadBullmq(), resolved, settings);
    await inbox.assertUsable();
    return inbox;
  });
}
