import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooHandlerFailure } from './xenioo-handler.failure.js';

/**
 * Runs the handlers of one entry that are due, side by side, and tells what came
 * of them: at once where none of them returned a promise. Never throws or rejects.
 */
export type XeniooDispatch = (
  entry: XeniooEntry,
  attempt?: XeniooAttempt,
) => XeniooSettlement | Promise<XeniooSettlement>;

/** What an inbox knows of an entry that it hands to the dispatcher. */
export interface XeniooAttempt {
  /** What earlier attempts came to; absent at the first one. */
  readonly progress?: XeniooProgress | undefined;
  /** Whether no attempt can follow, since the application ends: handlers that fail give up. */
  readonly isLast?: boolean | undefined;
  /** Called as soon as a handler is done while others still run: a durable inbox notes it. */
  readonly onHandled?: ((handler: string) => void) | undefined;
}

/** How far the handlers of an entry are. Plain JSON: an inbox keeps it unread. */
export interface XeniooProgress {
  /** Whether every handler has had its first attempt; from then on only those in `failed` run. */
  readonly attempted: boolean;
  /** Names of the handlers that are done. */
  readonly done: readonly string[];
  /** Handlers that are to be tried again. */
  readonly failed: readonly XeniooFailedHandler[];
}

export interface XeniooFailedHandler {
  readonly handler: string;
  /** How many attempts it had. */
  readonly attempts: number;
  /** When it is due again, in milliseconds since 1970. */
  readonly retryAt: number;
}

/** What an attempt came to. */
export interface XeniooSettlement {
  readonly progress: XeniooProgress;
  /** When the entry is to be dispatched again, in milliseconds since 1970; absent where nothing is left to do. */
  readonly retryAt?: number | undefined;
  /** Handlers that gave up: they belong into a dead letter. */
  readonly failures: readonly XeniooHandlerFailure[];
  /** Tells the `@OnXeniooFailed()` handlers and the bus; to be called when the dead letter is safe. */
  readonly announce: () => Promise<void>;
}

export const NOTHING_DONE: XeniooProgress = {
  attempted: false,
  done: [],
  failed: [],
};

/** Progress of an entry of which these handlers alone are to run, from anew. */
export function onlyOf(handlers: readonly string[]): XeniooProgress {
  const failed = handlers.map(handler => ({
    handler,
    attempts: 0,
    retryAt: 0,
  }));
  return { attempted: true, done: [], failed };
}
