import type { XeniooHandlerFailure } from './xenioo-handler.failure.js';
import type { XeniooFailedHandler, XeniooProgress } from './xenioo.dispatch.js';

/** What came of one handler that was due. */
export type Outcome =
  | { readonly is: 'done' }
  /** The entry is not one for it. */
  | { readonly is: 'unmatched' }
  | {
      readonly is: 'to be retried';
      readonly attempts: number;
      readonly retryAt: number;
      readonly error?: unknown;
    }
  /** Without a failure where the handler's errors are logged and no more. */
  | {
      readonly is: 'given up';
      readonly failure?: XeniooHandlerFailure;
      readonly error?: unknown;
    };

/** How far the handlers are after some of them ran. */
export function progressAfter(
  before: XeniooProgress,
  outcomes: ReadonlyMap<string, Outcome>,
): XeniooProgress {
  const done = [...before.done];
  const failed = before.failed.filter(({ handler }) => !outcomes.has(handler));
  for (const [handler, outcome] of outcomes) {
    if (outcome.is === 'done') done.push(handler);
    if (outcome.is !== 'to be retried') continue;
    const { attempts, retryAt } = outcome;
    failed.push({ handler, attempts, retryAt });
  }
  return { attempted: true, done, failed };
}

export function failuresOf(
  outcomes: ReadonlyMap<string, Outcome>,
): XeniooHandlerFailure[] {
  return [...outcomes.values()].flatMap(outcome =>
    outcome.is === 'given up' && outcome.failure ? [outcome.failure] : [],
  );
}

/** When the first of these is due; `undefined` if there is none. */
export function earliest(
  failed: readonly XeniooFailedHandler[],
): number | undefined {
  return failed.length === 0
    ? undefined
    : Math.min(...failed.map(({ retryAt }) => retryAt));
}
