import type { XeniooDeadLetter } from './dead-letter.js';
import type {
  XeniooDeadLetterFilter,
  XeniooDeadLetterQuery,
} from './xenioo.dead-letter-store.js';

/**
 * The dead letters of every instance of the module in the application: events on
 * which handlers gave up, and entries that could not be understood. Injectable.
 *
 * @example
 * ```ts
 * for (const { id, failures } of await this.deadLetters.list({ handler: 'Crm.saveMessage' })) {
 *   await this.deadLetters.replay(id);
 * }
 * ```
 */
export abstract class XeniooDeadLetters {
  /**
   * A page of letters, those of each instance from the oldest to the newest.
   * @throws {XeniooDeadLetterError} when there is no letter of the id `after`: read a page before you replay what is on it
   */
  abstract list(query?: XeniooDeadLetterQuery): Promise<XeniooDeadLetter[]>;

  /** The letter of an event or an invalid entry, if there is one. */
  abstract get(id: string): Promise<XeniooDeadLetter | undefined>;

  /**
   * Runs again the handlers that gave up, with fresh attempts; or makes events of
   * an invalid entry, now that it can be understood. Resolves when that is
   * queued; the letter is gone then.
   * @throws {XeniooDeadLetterError} when there is no such letter, a handler does not exist any more, or the entry is still not understood; it stays then
   */
  abstract replay(id: string): Promise<void>;

  /**
   * Replays every letter, or those meant. What can't be replayed stays, with a
   * line in the log.
   * @returns how many were replayed
   */
  abstract replayAll(filter?: XeniooDeadLetterFilter): Promise<number>;

  /** Forgets a letter; tells whether there was one. */
  abstract remove(id: string): Promise<boolean>;
}
