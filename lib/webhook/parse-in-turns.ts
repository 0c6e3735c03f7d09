import { setImmediate } from 'node:timers/promises';
import { parseInSteps } from '../events/parse-body.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooReceipt } from '../events/xenioo.receipt.js';

/** Longest time that parsing keeps the event loop from other work. */
const TURN_MS = 2;

/** Parses a large body in turns of the event loop, so that other calls are answered meanwhile. */
export async function parseInTurns(
  text: string,
  receipt: XeniooReceipt,
): Promise<XeniooEntry[]> {
  const steps = parseInSteps(text, receipt);
  for (;;) {
    const turnEnds = performance.now() + TURN_MS;
    do {
      const step = steps.next();
      if (step.done) return step.value;
    } while (performance.now() < turnEnds);
    await setImmediate();
  }
}
