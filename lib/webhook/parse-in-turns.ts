import { setImmediate } from 'node:timers/promises';
import { parseInSteps } from '../events/parse-body.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooReceipt } from '../events/xenioo.receipt.js';

/** Longest time that parsing blocks the event loop. */
const TURN_MS = 2;

/** Number of ids that are hashed in one step. */
const IDS_PER_STEP = 100;

/**
 * Parses a large body over several turns of the event loop, so that other calls are
 * answered in between.
 * @param options.hashesIds true if `dedupe` will read the ids of all events at once, so that they are hashed here
 */
export async function parseInTurns(
  text: string,
  receipt: XeniooReceipt,
  { hashesIds = false } = {},
): Promise<XeniooEntry[]> {
  const entries = await inTurns(parseInSteps(text, receipt));
  if (hashesIds) await inTurns(hashIds(entries));
  return entries;
}

function* hashIds(entries: readonly XeniooEntry[]): Generator<void, void> {
  for (const [index, entry] of entries.entries()) {
    // An id is hashed when it is first read.
    if (entry.id !== '' && index % IDS_PER_STEP === 0) yield;
  }
}

async function inTurns<T>(steps: Generator<void, T>): Promise<T> {
  for (;;) {
    const turnEnds = performance.now() + TURN_MS;
    do {
      const step = steps.next();
      if (step.done) return step.value;
    } while (performance.now() < turnEnds);
    await setImmediate();
  }
}
