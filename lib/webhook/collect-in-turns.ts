import { setImmediate } from 'node:timers/promises';

/** How long the event loop is kept from everything else at a time. */
const LONGEST_TURN_MS = 10;

/** Collects values that take time to make, and lets the event loop turn in between. */
export async function collectInTurns<T>(values: Iterable<T>): Promise<T[]> {
  const collected: T[] = [];
  let turnEnds = performance.now() + LONGEST_TURN_MS;
  for (const value of values) {
    collected.push(value);
    if (performance.now() < turnEnds) continue;
    await setImmediate();
    turnEnds = performance.now() + LONGEST_TURN_MS;
  }
  return collected;
}
