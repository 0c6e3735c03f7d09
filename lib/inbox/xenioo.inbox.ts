import { Branded } from '../brand.js';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooDuplicates } from '../handlers/xenioo.observers.js';
import type {
  XeniooHandlerResult,
  XeniooRunOptions,
  XeniooTask,
} from '../handlers/xenioo-task.js';
import type { XeniooDeadLetterStore } from './xenioo.dead-letter-store.js';

/** Runs handlers for an inbox. */
export interface XeniooRunner {
  /**
   * Runs the handlers of a task concurrently: every matching one in a first run,
   * otherwise the one that the task names. Never rejects. `recordRun()` turns the
   * results into what the inbox has to record.
   */
  run(
    task: XeniooTask,
    options?: XeniooRunOptions,
  ): Promise<readonly XeniooHandlerResult[]>;

  /**
   * Runs the `@OnXeniooFailed()` or `@OnXeniooInvalid()` handlers for a dead letter
   * that the inbox has stored, and emits the event for it. Never rejects.
   * @param error what the handler threw, where it is known
   */
  announce(letter: XeniooDeadLetter, error?: unknown): Promise<void>;

  /** Reports duplicates that the inbox has dropped. */
  reportDuplicates(duplicates: XeniooDuplicates): void;
}

/** Counts of an inbox. */
export interface XeniooInboxStats {
  /** Events that wait for their first run, or are in it. */
  readonly pending: number;
  /** Tasks whose handlers run now, in this process. */
  readonly running: number;
  /** Handlers that wait for their next attempt. */
  readonly retries: number;
  readonly deadLetters: number;
  /** When the oldest pending event was received; absent where none is pending. */
  readonly oldestPendingAt?: Date | undefined;
}

/**
 * Stores what was accepted until its handlers have run. It alone decides what an
 * answer of 200 promises.
 */
@Branded('XeniooInbox')
export abstract class XeniooInbox {
  abstract readonly deadLetters: XeniooDeadLetterStore;

  /** Location of the stored tasks, for messages; two instances in one application can't share it. */
  readonly storageLocation?: string;

  /** True where `run()` is given `transact`, so that handlers can be transactional. */
  readonly runsTransactions: boolean = false;

  /**
   * Resolves once every entry is safe; only then is the call answered 200.
   * @throws {XeniooInboxError} when the inbox can't take them; it has taken none, and the call is answered 503
   */
  abstract accept(delivery: XeniooDelivery): Promise<void>;

  /**
   * Resolves where a call with one event would be accepted now, for health checks:
   * it looks at what `accept()` depends on, and stores nothing that lasts.
   * @throws {XeniooInboxError} the error with which `accept()` would reject
   */
  abstract assertAccepting(): Promise<void>;

  /** Starts to run tasks; called once, when the application is up. */
  abstract start(runner: XeniooRunner): Promise<void>;

  /** Stops starting handlers in this process; accepting goes on. */
  abstract pause(): Promise<void>;

  /** Starts handlers again, those of pending tasks first. */
  abstract resume(): Promise<void>;

  abstract stats(): Promise<XeniooInboxStats>;

  /** Resolves when nothing is pending and no retry is due any more. */
  abstract idle(): Promise<void>;

  /** The application begins to shut down, and calls still come: resolves when what is pending now has been handled as far as the inbox does that. */
  abstract drain(): Promise<void>;

  /** Accepts nothing more, and waits for running handlers at most `timeoutMs`. */
  abstract stop(timeoutMs: number): Promise<void>;

  /**
   * Returns the name of the class: the state of a running inbox is no JSON.
   * @internal
   */
  toJSON(): string {
    return this.constructor.name;
  }
}
