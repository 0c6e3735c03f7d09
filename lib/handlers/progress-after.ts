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

/** A handler by its name, and what came of it. */
export type Ended = readonly [handler: string, outcome: Outcome];

const NONE: readonly never[] = [];

/** How far the handlers are after some of them ran, in the order in which they ended. */
export function progressAfter(
  before: XeniooProgress,
  ended: readonly Ended[],
): XeniooProgress {
  const done = [...before.done];
  let failed = before.failed;
  if (failed.length > 0) {
    const names = new Set(ended.map(([handler]) => handler));
    failed = failed.filter(({ handler }) => !names.has(handler));
  }
  for (const [handler, outcome] of ended) {
    if (outcome.is === 'done') done.push(handler);
    if (outcome.is !== 'to be retried') continue;
    const { attempts, retryAt } = outcome;
    failed = [...failed, { handler, attempts, retryAt }];
  }
  return { attempted: true, done, failed };
}

export function failuresOf(
  ended: readonly Ended[],
): readonly XeniooHandlerFailure[] {
  return ended.every(([, { is }]) => is !== 'given up')
    ? NONE
    : ended.flatMap(([, outcome]) =>
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
