import { Injectable } from '@nestjs/common';
import type { XeniooInbox, XeniooInboxStats } from './xenioo.inbox.js';

/**
 * Pauses and resumes the processing of events, and returns counts, for every instance
 * of the module in the application. Pausing and `running` apply to this process only;
 * the other counts are those of the storage, which other processes may share. Injectable.
 */
@Injectable()
export class XeniooProcessing {
  readonly #inboxes: XeniooInbox[] = [];
  #isPaused = false;

  /** True between `pause()` and `resume()`. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /**
   * True if another process may use the storage of an instance as well.
   * @internal
   */
  get mayBeShared(): boolean {
    return this.#inboxes.some(
      ({ storageLocation }) => storageLocation !== undefined,
    );
  }

  /**
   * True if this process runs the handlers of an instance.
   * @internal
   */
  get handlesEvents(): boolean {
    return this.#inboxes.some(({ handlesEvents }) => handlesEvents);
  }

  /**
   * Stops starting handlers in this process until `resume()`; if the application is
   * still booting, none starts. Running handlers finish, and calls are still accepted.
   * With `memoryInbox()`, calls are answered 503 once `maxPending` events are pending.
   * During a shutdown, the memory inbox handles its events even if processing is paused.
   */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await Promise.all(this.#inboxes.map(inbox => inbox.pause()));
  }

  /** Starts handlers again, those of pending events first. */
  async resume(): Promise<void> {
    this.#isPaused = false;
    await Promise.all(this.#inboxes.map(inbox => inbox.resume()));
  }

  /**
   * Returns the sums of the counts of all instances.
   * @throws an error of the storage, such as a `XeniooInboxError`, if reading it fails
   */
  async stats(): Promise<XeniooInboxStats> {
    const all = await Promise.all(this.#inboxes.map(inbox => inbox.stats()));
    const sum = (name: Exclude<keyof XeniooInboxStats, 'oldestPendingAt'>) =>
      all.reduce((total, stats) => total + stats[name], 0);
    const oldest = Math.min(
      ...all.map(
        ({ oldestPendingAt }) => oldestPendingAt?.getTime() ?? Infinity,
      ),
    );
    return {
      pending: sum('pending'),
      running: sum('running'),
      retries: sum('retries'),
      deadLetters: sum('deadLetters'),
      oldestPendingAt: oldest === Infinity ? undefined : new Date(oldest),
    };
  }

  /**
   * Checks that every instance would accept a call now.
   * @throws {XeniooInboxError} if a call would be answered 503
   */
  async assertAccepting(): Promise<void> {
    await Promise.all(this.#inboxes.map(inbox => inbox.assertAccepting()));
  }

  /**
   * Adds the inbox of an instance.
   * @internal
   */
  async register(inbox: XeniooInbox): Promise<void> {
    this.#inboxes.push(inbox);
    if (this.#isPaused) await inbox.pause();
  }
}
