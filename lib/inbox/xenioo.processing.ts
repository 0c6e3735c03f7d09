import { Injectable } from '@nestjs/common';
import type { XeniooInbox, XeniooInboxStats } from './xenioo.inbox.js';

/**
 * Pauses and counts the processing of events, over every instance of the module in
 * the application. Pausing and `running` concern this process alone; the other
 * counts are those of the storage, which other processes may share. Injectable.
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
   * Stops starting handlers in this process; those that run finish, and calls are
   * still accepted. With `memoryInbox()`, calls are answered 503 once `maxPending`
   * events are pending. A shutdown handles what the memory inbox holds, in a pause too.
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
   * Returns the counts of all instances.
   * @throws an error of the storage, such as a `XeniooInboxError`, when it can't be read
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
   * Resolves where every instance would accept a call now.
   * @throws {XeniooInboxError} the reason with which a call would be answered 503
   */
  async assertAccepting(): Promise<void> {
    await Promise.all(this.#inboxes.map(inbox => inbox.assertAccepting()));
  }

  /**
   * Adds the inbox of an instance.
   * @internal
   */
  register(inbox: XeniooInbox): void {
    this.#inboxes.push(inbox);
  }
}
