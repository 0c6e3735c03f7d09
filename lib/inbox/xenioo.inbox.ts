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
   * results into the retries and dead letters to store.
   */
  run(
    task: XeniooTask,
    options?: XeniooRunOptions,
  ): Promise<readonly XeniooHandlerResult[]>;

  /**
   * Runs the `@OnXeniooFailed()` or `@OnXeniooInvalid()` handlers for a dead letter
   * that the inbox has stored, and emits the event for it. Never rejects.
   * @param error value that the handler threw, if known
   */
  announce(letter: XeniooDeadLetter, error?: unknown): Promise<void>;

  /** Reports duplicates that the inbox has dropped. */
  reportDuplicates(duplicates: XeniooDuplicates): void;
}

/** Counts of an inbox. */
export interface XeniooInboxStats {
  /** Events whose first run has not finished. */
  readonly pending: number;
  /** Tasks whose handlers are running in this process. */
  readonly running: number;
  /** Handlers that wait for their next attempt. */
  readonly retries: number;
  readonly deadLetters: number;
  /** Time at which the oldest pending event was received; absent if none is pending. */
  readonly oldestPendingAt?: Date | undefined;
}

/**
 * Stores accepted events until their handlers have run. The inbox decides what an
 * answer of 200 guarantees. Extend this class for a custom inbox.
 */
@Branded('XeniooInbox')
export abstract class XeniooInbox {
  abstract readonly deadLetters: XeniooDeadLetterStore;

  /** Location of the stored tasks, for messages; absent if they are only in memory. Each instance in an application needs a location of its own. */
  readonly storageLocation?: string;

  /** True if the inbox passes `transact` to `run()`, so that handlers can be transactional. */
  readonly runsTransactions: boolean = false;

  /** False if this process runs no handlers of the inbox and leaves them to others. */
  readonly handlesEvents: boolean = true;

  /**
   * Stores the entries of a call. Resolves once all of them are safe; only then is the call answered 200.
   * @throws {XeniooInboxError} if the inbox can't store them; it has stored none, and the call is answered 503
   */
  abstract accept(delivery: XeniooDelivery): Promise<void>;

  /**
   * Checks that a call with one event would be accepted now, for health checks. Tests
   * everything that `accept()` depends on, and leaves nothing stored.
   * @throws {XeniooInboxError} the error with which `accept()` would reject
   */
  abstract assertAccepting(): Promise<void>;

  /** Starts running tasks; called once, when the application has booted. */
  abstract start(runner: XeniooRunner): Promise<void>;

  /** Stops starting handlers in this process; accepting goes on. */
  abstract pause(): Promise<void>;

  /** Starts handlers again, those of pending tasks first. */
  abstract resume(): Promise<void>;

  /** Counts the pending events, the retries and the dead letters. */
  abstract stats(): Promise<XeniooInboxStats>;

  /** Resolves when no event is pending and no retry remains. */
  abstract idle(): Promise<void>;

  /** Begins the shutdown; calls are still accepted. Resolves when every task that the inbox must finish before `stop()` has finished: the running ones, and without durable storage the pending ones too. */
  abstract drain(): Promise<void>;

  /** Stops accepting calls, and waits for running handlers for at most `timeoutMs`. */
  abstract stop(timeoutMs: number): Promise<void>;

  /**
   * Returns the name of the class, since the state of an inbox can't be serialized.
   * @internal
   */
  toJSON(): string {
    return this.constructor.name;
  }
}
