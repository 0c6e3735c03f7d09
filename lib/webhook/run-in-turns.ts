import { setImmediate } from 'node:timers/promises';

/** How long the event loop is kept from everything else at a time. */
const LONGEST_TURN_MS = 2;

/**
 * Takes all steps of something that takes long, and lets the event loop turn in
 * between. What fits into one turn is there at once.
 */
export function runInTurns<T>(steps: Generator<void, T>): T | Promise<T> {
  const end = takeTurn(steps);
  return end.done ? end.value : runOn(steps);
}

async function runOn<T>(steps: Generator<void, T>): Promise<T> {
  for (;;) {
    await setImmediate();
    const end = takeTurn(steps);
    if (end.done) return end.value;
  }
}

/** @returns the last step that it took */
function takeTurn<T>(steps: Generator<void, T>): IteratorResult<void, T> {
  const turnEnds = performance.now() + LONGEST_TURN_MS;
  for (;;) {
    const step = steps.next();
    if (step.done || performance.now() >= turnEnds) return step;
  }
}
