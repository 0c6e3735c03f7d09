import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooCarrier } from '../events/xenioo-delivery.js';
import type { XeniooTransact } from './xenioo-transaction.js';

/**
 * An event with the handlers still to run: every matching one at first, then one
 * task for each handler that failed. Inboxes store tasks and hand them to the runner.
 */
export interface XeniooTask {
  /** Event, or invalid entry for the `@OnXeniooInvalid()` handlers. */
  readonly entry: XeniooEntry;
  /** Name of the one handler to run; absent in a first run, which runs every matching handler. */
  readonly handler?: string | undefined;
  /** Number of attempts so far; 0 in a first run. */
  readonly attempts: number;
  /** Strings that observers stored with the call. */
  readonly carrier?: XeniooCarrier | undefined;
  /** Time at which the handler was first found missing, in milliseconds since 1970. */
  readonly missingSince?: number | undefined;
}

/** Result of one handler in a run. */
export type XeniooHandlerResult =
  | {
      readonly handler: string;
      readonly status: 'done';
      /** Number of attempts so far, including this one. */
      readonly attempts: number;
    }
  | {
      readonly handler: string;
      readonly status: 'retry';
      readonly attempts: number;
      /** Time of the next attempt, in milliseconds since 1970. */
      readonly retryAt: number;
      /** Error of the handler. */
      readonly error: unknown;
      readonly missingSince?: number | undefined;
    }
  | {
      readonly handler: string;
      readonly status: 'failed';
      readonly attempts: number;
      readonly error: unknown;
    };

/** Options with which an inbox runs a task. */
export interface XeniooRunOptions {
  /** True while the application shuts down and no retry can follow: a handler that throws gets the result `failed`. */
  readonly isLast?: boolean;
  /** Names of the handlers that are done already and do not run again. */
  readonly done?: readonly string[];
  /** Runs a transactional handler in a transaction of the inbox. */
  readonly transact?: XeniooTransact;
}
