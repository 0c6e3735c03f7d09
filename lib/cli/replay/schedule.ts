import type { RecordedCall } from '../record/recorded-call.js';

/** Calls a second, infinite for as fast as they are answered; or so many times as fast as they came. */
export type ReplayPace = { readonly rate: number } | { readonly speed: number };

/** When a call is due, on the clock of `performance`; asked once a call, in their order. */
export type Schedule = (call: RecordedCall) => number;

/** Begins with the first call. */
export function scheduleOf(pace: ReplayPace): Schedule {
  return 'speed' in pace ? asRecorded(pace.speed) : evenly(pace.rate);
}

function asRecorded(speed: number): Schedule {
  let start: { readonly at: number; readonly cameAt: number } | undefined;
  return ({ receivedAt }) => {
    const cameAt = receivedAt!.getTime();
    start ??= { at: performance.now(), cameAt };
    return start.at + (cameAt - start.cameAt) / speed;
  };
}

/** Delays that are no longer than this are made up for; after a longer one it is not sent faster than wanted. */
const MADE_UP_FOR_MS = 250;

function evenly(rate: number): Schedule {
  let dueAt: number | undefined;
  return () => {
    const now = performance.now();
    dueAt =
      dueAt === undefined
        ? now
        : Math.max(dueAt + 1_000 / rate, now - MADE_UP_FOR_MS);
    return dueAt;
  };
}
