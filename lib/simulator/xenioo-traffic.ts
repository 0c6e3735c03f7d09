import { assertCount } from './assert-count.js';
import { Dice } from './dice.js';
import { randomSeed, SEEDED_START } from './seed.js';
import { WireClock } from './wire-clock.js';
import {
  tellConversation,
  type XeniooConversationOptions,
} from './xenioo-conversation.js';
import type { XeniooWireEntry } from './xenioo-wire-entry.js';

/** How many people write, and how each conversation goes. */
export interface XeniooTrafficOptions extends XeniooConversationOptions {
  /**
   * Conversations side by side.
   * @default 20
   */
  readonly conversations?: number;
  /**
   * Whether a conversation that is over is followed by another, without end.
   * @default false
   */
  readonly endless?: boolean;
}

/**
 * Tells many conversations side by side, mixed as a service that serves many
 * people sees them; each entry is made when it is asked for.
 * @throws {XeniooTestingError} when there can't be so many conversations
 */
export function* xeniooTraffic(
  options: XeniooTrafficOptions = {},
): Generator<XeniooWireEntry, undefined> {
  const { conversations = 20, endless = false, seed, startAt } = options;
  assertCount('xeniooTraffic()', { conversations }, 1);
  const ownSeed = seed ?? randomSeed();
  const start = startAt ?? (seed === undefined ? undefined : SEEDED_START);
  const dice = new Dice(ownSeed);
  let begun = 0;
  const begin = () => {
    const ownDice = new Dice(ownSeed, ++begun);
    return tellConversation(ownDice, new WireClock(ownDice, start), options);
  };

  const running = Array.from({ length: conversations }, begin);
  while (running.length > 0) {
    const index = dice.below(running.length);
    const { value, done } = running[index]!.next();
    if (!done) yield value;
    else if (endless) running[index] = begin();
    else running.splice(index, 1);
  }
}

/**
 * What one grouped call holds: so many entries of conversations side by side.
 * @throws {XeniooTestingError} when there can't be so many
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
