import type { INestApplicationContext } from '@nestjs/common';
import { LONGEST_TIMER_MS, rangeProblems } from '../options/range-problems.js';
import { XeniooInbox } from '../inbox/xenioo.inbox.js';
import { settledWithin } from '../settled-within.js';
import { recordingOf, type Recording } from './recording.js';
import { XeniooTestingError } from '../simulator/xenioo-testing.errors.js';

const MAX_LISTED = 5;

/**
 * Resolves when all accepted events are handled, in every instance of the module:
 * each handler is done or has failed its last attempt, and the handlers of dead letters
 * have run.
 * @throws {XeniooTestingError} after `timeoutMs` (default 4,000, below the limit of test runners), with the pending handlers; or when there is no XeniooModule
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

/** Waits until no handler has sent entries to its own application meanwhile. */
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
    return 'They arrived before the testing kit was first used, an `@OnXeniooFailed()` or `@OnXeniooInvalid()` handler is still running, another process handles them, or processing is paused.';
  }
  const more = pending.length - MAX_LISTED;
  const listed = [
    ...pending.slice(0, MAX_LISTED),
    ...(more > 0 ? [`and ${more} more`] : []),
  ];
  return `${listed.join('; ')}. If retries take too long for a test, shorten them: overrideXenioo(…, { retry: { attempts: 2, delayMs: 1 } }). A \`retry\` in the decorator of the handler takes precedence.`;
}
