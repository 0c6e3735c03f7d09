import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';

/** What ends many waits at once. Node warns of a leak where more than 10 listen: they do not listen on the caller's own signal. */
export function heardByMany(
  over: AbortSignal,
  ended: AbortSignal = over,
): AbortSignal {
  const either = AbortSignal.any([over, ended]);
  setMaxListeners(0, either);
  return either;
}

/** Waits for a time of `performance.now()`, or until the signal is aborted. Timers are late by up to a millisecond, which the next turns make up for. */
export async function waitUntil(
  time: number,
  signal: AbortSignal,
): Promise<void> {
  const ms = time - performance.now();
  if (ms < 1) return;
  await setTimeout(ms, undefined, { signal }).catch(() => {});
}
