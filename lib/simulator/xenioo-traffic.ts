import { assertCount } from './assert-count.js';
import { randomSeed, SEEDED_START, SeededRandom } from './seeded-random.js';
import { WireClock } from './wire-clock.js';
import {
  generateConversation,
  type XeniooConversationOptions,
} from './xenioo-conversation.js';
import type { XeniooWireEntry } from './xenioo-wire-entry.js';

/** Options of many conversations. */
export interface XeniooTrafficOptions extends XeniooConversationOptions {
  /**
   * Number of concurrent conversations.
   * @default 20
   */
  readonly conversations?: number;
  /**
   * Starts another conversation for each one that ends.
   * @default false
   */
  readonly endless?: boolean;
}

/**
 * Creates the entries of many concurrent conversations lazily, in mixed order.
 * @throws {XeniooTestingError} when `conversations` is out of range
 */
export function* xeniooTraffic(
  options: XeniooTrafficOptions = {},
): Generator<XeniooWireEntry, undefined> {
  const { conversations = 20, endless = false, seed, startAt } = options;
  assertCount('xeniooTraffic()', { conversations }, 1);
  const ownSeed = seed ?? randomSeed();
  const start = startAt ?? (seed === undefined ? undefined : SEEDED_START);
  const random = new SeededRandom(ownSeed);
  let started = 0;
  const startOne = () => {
    const own = new SeededRandom(ownSeed, ++started);
    return generateConversation(own, new WireClock(own, start), options);
  };

  const running = Array.from({ length: conversations }, startOne);
  while (running.length > 0) {
    const index = random.below(running.length);
    const { value, done } = running[index]!.next();
    if (!done) yield value;
    else if (endless) running[index] = startOne();
    else running.splice(index, 1);
  }
}

/**
 * Creates the entries of one grouped call, from concurrent conversations.
 * @throws {XeniooTestingError} when `events` is out of range
 *
 * @example
 * ```ts
 * await deliver(app, xeniooGroup(20_000), { grouped: 20_000 });
 * ```
 */
export function xeniooGroup(
  events: number,
  options: Omit<XeniooTrafficOptions, 'endless'> = {},
): XeniooWireEntry[] {
  assertCount('xeniooGroup()', { events }, 0);
  const traffic = xeniooTraffic({ ...options, endless: true });
  return Array.from({ length: events }, () => traffic.next().value!);
}
