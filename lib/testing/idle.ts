import type { INestApplicationContext } from '@nestjs/common';
import { LONGEST_TIMER_MS, rangeProblems } from '../options/range-problems.js';
import { XeniooInbox } from '../inbox/xenioo.inbox.js';
import { settledWithin } from '../settled-within.js';
import { recordingOf, type Recording } from './recording.js';
import { XeniooTestingError } from '../simulator/xenioo-testing.errors.js';

const MOST_SHOWN = 5;

/**
 * Resolves when all accepted events are handled, in every instance of the module:
 * each handler is done or has failed after its last attempt.
 * @throws {XeniooTestingError} after `timeoutMs` (4,000 by default, less than test runners wait), with what is still pending; or when there is no XeniooModule
 */
export async function idle(
  app: INestApplicationContext,
  { timeoutMs = 4_000 }: { readonly timeoutMs?: number } = {},
): Promise<void> {
  assertTimeout(timeoutMs);
  const recording = recordingOf(app);
  const inboxes = app.get(XeniooInbox, { strict: false, each: true });
  if (await settledWithin(allIdle(inboxes, recording), timeoutMs)) return;
  throw new XeniooTestingError(
    `Events are still pending after ${timeoutMs} ms. ${describe(recording.describePending())}`,
  );
}

function assertTimeout(timeoutMs: number): void {
  const [problem] = rangeProblems(
    { timeoutMs },
    { timeoutMs: [0, LONGEST_TIMER_MS] },
  );
  if (problem) throw new XeniooTestingError(`idle(): ${problem}.`);
}

/** Waits again as long as handlers send entries to their own application. */
async function allIdle(
  inboxes: readonly XeniooInbox[],
  { entries }: Recording,
): Promise<void> {
  let before: number;
  do {
    before = entries.length;
    await Promise.all(inboxes.map(inbox => inbox.idle()));
  } while (entries.length !== before);
}

function describe(pending: readonly string[]): string {
  if (pending.length === 0) {
    return 'They came before the testing kit was used, another process handles them, or processing is paused.';
  }
  const more = pending.length - MOST_SHOWN;
  const shown = [
    ...pending.slice(0, MOST_SHOWN),
    ...(more > 0 ? [`and ${more} more`] : []),
  ];
  return `${shown.join('; ')}. If retries take too long for a test, shorten them: overrideXenioo(…, { retry: { attempts: 2, delayMs: 1 } }). A \`retry\` in the decorator of the handler takes precedence.`;
}
