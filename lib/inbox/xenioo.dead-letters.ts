import { setImmediate } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import { XeniooExplorer } from '../handlers/xenioo.explorer.js';
import { XeniooObservers } from '../handlers/xenioo.observers.js';
import { XeniooDeadLetterError, XeniooOptionsError } from '../xenioo.errors.js';
import {
  assertFilter,
  assertLimit,
  assertNoneUndefined,
  isLetterId,
} from './assert-query.js';
import { tasksOfReplay, type ReplayContext } from './tasks-of-replay.js';
import {
  LETTERS_PER_PAGE,
  type XeniooDeadLetterFilter,
  type XeniooDeadLetterQuery,
} from './xenioo.dead-letter-store.js';
import type { XeniooInbox } from './xenioo.inbox.js';

/** Inbox and bots of one instance of the module. */
interface RegisteredInbox {
  readonly inbox: XeniooInbox;
  readonly botNamed: ReplayContext['botNamed'];
}

/**
 * Lists, replays and removes the dead letters of every instance of the module in the
 * application: failed pairs of event and handler, and invalid entries. Injectable.
 *
 * @example
 * ```ts
 * for (const { id } of await this.deadLetters.list({ handler: 'Crm.saveMessage' })) {
 *   await this.deadLetters.replay(id);
 * }
 * ```
 */
@Injectable()
export class XeniooDeadLetters {
  private readonly logger = new Logger('Xenioo');
  private readonly inboxes: RegisteredInbox[] = [];

  /** @internal */
  constructor(
    private readonly explorer: XeniooExplorer,
    private readonly observers: XeniooObservers,
  ) {}

  /**
   * Adds the inbox of an instance.
   * @throws {XeniooOptionsError} if another instance stores its tasks at the same location
   * @throws {XeniooHandlerError} if the inbox is durable and the class name of a handler looks minified, or if it runs no transactions and a handler is transactional
   * @internal
   */
  register(inbox: XeniooInbox, botNamed: ReplayContext['botNamed']): void {
    const { storageLocation } = inbox;
    const isTaken = this.inboxes.some(
      other => other.inbox.storageLocation === storageLocation,
    );
    if (storageLocation !== undefined && isTaken) {
      throw new XeniooOptionsError([
        `two instances of XeniooModule store their events at ${storageLocation}: give each a location of its own`,
      ]);
    }
    if (storageLocation !== undefined) {
      this.explorer.assertStableNames(storageLocation);
    }
    if (!inbox.runsTransactions) this.explorer.assertNoneTransactional();
    this.inboxes.push({ inbox, botNamed });
  }

  /**
   * Lists a page of dead letters: instance by instance, each from the oldest to the newest.
   * @throws {XeniooDeadLetterError} if no letter has the id `after`: list the next page before you replay or remove the letters of this one
   */
  async list(query: XeniooDeadLetterQuery = {}): Promise<XeniooDeadLetter[]> {
    const { limit = LETTERS_PER_PAGE, after, ...filter } = query;
    assertLimit(limit);
    assertFilter(filter);
    const first = after === undefined ? 0 : await this.indexOfInbox(after);
    const page: XeniooDeadLetter[] = [];
    for (const [index, { inbox }] of this.inboxes.entries()) {
      if (index < first) continue;
      const startAfter = index === first ? after : undefined;
      const passedIds: string[] = [];
      let found: XeniooDeadLetter[];
      do {
        found = await pageAfter(passedIds, last =>
          inbox.deadLetters.list({
            ...filter,
            limit,
            after: last ?? startAfter,
          }),
        );
        for (const letter of found) {
          passedIds.push(letter.id);
          // Two instances may have letters with the same id; only the first is listed.
          if (await this.isInEarlierInbox(index, letter.id)) continue;
          if (page.push(letter) >= limit) return page;
        }
      } while (found.length >= limit);
    }
    return page;
  }

  /** Returns the dead letter with this id, or `undefined`. */
  async get(id: string): Promise<XeniooDeadLetter | undefined> {
    if (!isLetterId(id)) return undefined;
    for (const { inbox } of this.inboxes) {
      const letter = await inbox.deadLetters.get(id);
      if (letter) return letter;
    }
    return undefined;
  }

  /**
   * Runs the failed handler again, with its attempts counted from 0. Parses an invalid
   * entry again, which succeeds if this version of the module accepts it. Resolves when
   * the task is stored and the letter is removed.
   * @throws {XeniooDeadLetterError} if no letter has this id, its handler does not exist, or its entry is still invalid; the letter is kept
   */
  async replay(id: string): Promise<void> {
    const { inbox, botNamed } = this.inboxes[await this.indexOfInbox(id)]!;
    const letter = await inbox.deadLetters.get(id);
    if (!letter) throw noSuchLetter(id);
    const tasks = tasksOfReplay(letter, {
      hasHandler: name => this.explorer.handlerNamed(name) !== undefined,
      botNamed,
    });
    if (!(await inbox.deadLetters.replay(id, tasks))) throw noSuchLetter(id);
    this.observers.notify('replayed', letter);
  }

  /**
   * Replays the dead letters that match a filter, each once. Keeps those that it
   * could not replay, and logs their number and the first error.
   * @returns the number of replayed letters
   */
  async replayAll(filter: XeniooDeadLetterFilter = {}): Promise<number> {
    const startedAt = new Date();
    const replayed = new Set<string>();
    const kept = new Map<string, XeniooDeadLetterError>();
    const passedIds: string[] = [];
    let page: XeniooDeadLetter[];
    do {
      page = await pageAfter(passedIds, after =>
        this.list({ ...filter, after }),
      );
      for (const { id, deadLetteredAt } of page) {
        // A replayed handler that fails again adds a new letter, perhaps in the same millisecond.
        const isAddedLater = deadLetteredAt > startedAt || replayed.has(id);
        const error =
          isAddedLater || kept.has(id)
            ? undefined
            : await this.replayOrError(id);
        if (error && (await this.get(id))) kept.set(id, error);
        if (isAddedLater || kept.has(id)) passedIds.push(id);
        else if (!error) replayed.add(id);
      }
      await setImmediate();
    } while (page.length >= LETTERS_PER_PAGE);
    const [error] = kept.values();
    if (error) {
      this.logger.warn(
        `Replaying dead letters failed (count: ${kept.size}); they are kept. First error: ${error.message}`,
      );
    }
    return replayed.size;
  }

  /**
   * Removes a dead letter.
   * @returns false if no letter has this id
   */
  async remove(id: string): Promise<boolean> {
    if (!isLetterId(id)) return false;
    for (const { inbox } of this.inboxes) {
      if (await inbox.deadLetters.remove(id)) return true;
    }
    return false;
  }

  /**
   * Removes the dead letters that match a filter, such as those of one conversation.
   * @returns the number of removed letters
   */
  async removeAll(filter: XeniooDeadLetterFilter): Promise<number> {
    assertFilter(filter);
    assertNoneUndefined(filter);
    let removed = 0;
    for (const { inbox } of this.inboxes) {
      let page: XeniooDeadLetter[];
      do {
        page = await inbox.deadLetters.list({ ...filter });
        for (const { id } of page) {
          if (await inbox.deadLetters.remove(id)) removed++;
        }
        await setImmediate();
      } while (page.length > 0);
    }
    return removed;
  }

  /**
   * Returns the name of the class, since the inboxes can't be serialized.
   * @internal
   */
  toJSON(): string {
    return this.constructor.name;
  }

  /** @throws {XeniooDeadLetterError} if no inbox has a letter with this id */
  private async indexOfInbox(id: string): Promise<number> {
    if (!isLetterId(id)) throw noSuchLetter(id);
    for (const [index, { inbox }] of this.inboxes.entries()) {
      if (await inbox.deadLetters.get(id)) return index;
    }
    throw noSuchLetter(id);
  }

  /** Returns true if an inbox before this one has a letter with the id. */
  private async isInEarlierInbox(index: number, id: string): Promise<boolean> {
    for (const { inbox } of this.inboxes.slice(0, index)) {
      if (await inbox.deadLetters.get(id)) return true;
    }
    return false;
  }

  /** Replays a letter; returns the error if that failed. */
  private async replayOrError(
    id: string,
  ): Promise<XeniooDeadLetterError | undefined> {
    try {
      await this.replay(id);
      return undefined;
    } catch (error) {
      if (error instanceof XeniooDeadLetterError) return error;
      throw error;
    }
  }
}

/** Lists the page after the last passed letter that still exists: letters may be removed meanwhile. */
export async function pageAfter(
  passedIds: string[],
  list: (after: string | undefined) => Promise<XeniooDeadLetter[]>,
): Promise<XeniooDeadLetter[]> {
  for (;;) {
    const after = passedIds.at(-1);
    try {
      return await list(after);
    } catch (error) {
      const isRemoved = error instanceof XeniooDeadLetterError;
      if (!isRemoved || after === undefined) throw error;
      passedIds.pop();
    }
  }
}

function noSuchLetter(id: string): XeniooDeadLetterError {
  return new XeniooDeadLetterError(`there is no dead letter ${id}`);
}
