import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooDispatch } from '../handlers/xenioo.dispatch.js';
import type { XeniooDeadLetterStore } from './xenioo.dead-letter-store.js';

/** What one call brought: as many entries as its body has, none if its array is empty. */
export interface XeniooDelivery {
  readonly entries: readonly XeniooEntry[];
}

/**
 * Keeps what was accepted until its handlers have run: the one place that
 * decides what an answer of 200 promises.
 */
export abstract class XeniooInbox {
  /** What could not be understood, and events on which handlers gave up. */
  abstract readonly deadLetters: XeniooDeadLetterStore;

  /** Where it keeps things, for messages; two instances in one application can't share a place. */
  readonly place?: string;

  /**
   * Resolves once every entry is safe: only then is Xenioo told 200.
   * @throws {XeniooInboxError} when it can't take them; then it has taken none, and the call is answered 503
   */
  abstract accept(delivery: XeniooDelivery): Promise<void>;

  /** Begins to hand entries to the dispatcher; called once, when the application is up. */
  abstract start(dispatch: XeniooDispatch): Promise<void>;

  /** Resolves when nothing is pending. */
  abstract idle(): Promise<void>;

  /**
   * The application begins to end, and calls still come: resolves when what is
   * pending now has been handled as far as it can be.
   */
  drain(): Promise<void> {
    return this.idle();
  }

  /** Takes nothing more, and waits for handlers in flight, but no longer than `timeoutMs`. */
  abstract stop(timeoutMs: number): Promise<void>;
}
