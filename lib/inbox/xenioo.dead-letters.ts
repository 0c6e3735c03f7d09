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
import { tasksOfReplay, type Present } from './tasks-of-replay.js';
import {
  LETTERS_PER_PAGE,
  type XeniooDeadLetterFilter,
  type XeniooDeadLetterQuery,
} from './xenioo.dead-letter-store.js';
import type { XeniooInbox } from './xenioo.inbox.js';

/** The inbox of one instance of the module. */
interface Registered {
  readonly inbox: XeniooInbox;
  readonly botNamed: Present['botNamed'];
}

/**
 * The dead letters of every instance of the module in the application: failed
 * pairs of event and handler, and invalid entries. Injectable.
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
  private readonly registered: Registered[] = [];

  /** @internal */
  constructor(
    private readonly explorer: XeniooExplorer,
    private readonly observers: XeniooObservers,
  ) {}

  /**
   * Adds the inbox of an instance.
   * @throws {XeniooOptionsError} when another instance stores its tasks at the same location
   * @throws {XeniooHandlerError} if the inbox is durable and the class name of a handler looks minified
   * @internal
   */
  register(inbox: XeniooInbox, botNamed: Present['botNamed']): void {
    const { storageLocation } = inbox;
    const isTaken = this.registered.some(
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
    this.registered.push({ inbox, botNamed });
  }

  /**
   * Lists a page of letters, those of each instance from the oldest to the newest.
   * @throws {XeniooDeadLetterError} when there is no letter of the id `after`: list a page before you replay or remove what is on it
   */
  async list(query: XeniooDeadLetterQuery = {}): Promise<XeniooDeadLetter[]> {
    const { limit = LETTERS_PER_PAGE, after, ...filter } = query;
    assertLimit(limit);
    assertFilter(filter);
    const first = after === undefined ? 0 : await this.indexOf(after);
    const page: XeniooDeadLetter[] = [];
    for (const [index, { inbox }] of this.registered.entries()) {
      if (index < first) continue;
      const begin = index === first ? after : undefined;
      const passed: string[] = [];
      let found: XeniooDeadLetter[];
      do {
        found = await pageAfter(passed, last =>
          inbox.deadLetters.list({ ...filter, limit, after: last ?? begin }),
        );
        for (const letter of found) {
          passed.push(letter.id);
          // Two instances may have one of the same id: it is listed once.
          if (await this.isBefore(index, letter.id)) continue;
          if (page.push(letter) >= limit) return page;
        }
      } while (found.length >= limit);
    }
    return page;
  }

  /** Returns the letter of an id, if there is one. */
  async get(id: string): Promise<XeniooDeadLetter | undefined> {
    if (!isLetterId(id)) return undefined;
    for (const { inbox } of this.registered) {
      const letter = await inbox.deadLetters.get(id);
      if (letter) return letter;
    }
    return undefined;
  }

  /**
   * Runs the failed handler again, with no attempts counted; or parses an invalid
   * entry again, as another version of the module may understand it. Resolves when
   * the task is stored; the letter is gone then.
   * @throws {XeniooDeadLetterError} when there is no such letter, its handler does not exist any more, or the entry is still invalid; the letter stays
   */
  async replay(id: string): Promise<void> {
    const { inbox, botNamed } = this.registered[await this.indexOf(id)]!;
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
   * Replays the letters that fit a filter, each once. Those that can't be replayed
   * stay, and a warning says why.
   * @returns how many were replayed
   */
  async replayAll(filter: XeniooDeadLetterFilter = {}): Promise<number> {
    const startedAt = new Date();
    const replayed = new Set<string>();
    const staying = new Map<string, XeniooDeadLetterError>();
    const passed: string[] = [];
    let page: XeniooDeadLetter[];
    do {
      page = await pageAfter(passed, after => this.list({ ...filter, after }));
      for (const { id, deadLetteredAt } of page) {
        // A handler that failed again has a new letter, perhaps of the same millisecond.
        const isNew = deadLetteredAt > startedAt || replayed.has(id);
        const reason =
          isNew || staying.has(id) ? undefined : await this.replayOrReason(id);
        if (reason && (await this.get(id))) staying.set(id, reason);
        if (isNew || staying.has(id)) passed.push(id);
        else if (!reason) replayed.add(id);
      }
      await setImmediate();
    } while (page.length >= LETTERS_PER_PAGE);
    const [reason] = staying.values();
    if (reason) {
      this.logger.warn(
        `${staying.size} dead letters could not be replayed and stay; the first: ${reason.message}`,
      );
    }
    return replayed.size;
  }

  /**
   * Removes a letter.
   * @returns false where there is no such letter
   */
  async remove(id: string): Promise<boolean> {
    if (!isLetterId(id)) return false;
    for (const { inbox } of this.registered) {
      if (await inbox.deadLetters.remove(id)) return true;
    }
    return false;
  }

  /**
   * Removes the letters that fit a filter, such as those of one conversation.
   * @returns how many were removed
   */
  async removeAll(filter: XeniooDeadLetterFilter): Promise<number> {
    assertFilter(filter);
    assertNoneUndefined(filter);
    let removed = 0;
    for (const { inbox } of this.registered) {
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
   * Returns the name of the class: the inboxes that it reads are no JSON.
   * @internal
   */
  toJSON(): string {
    return this.constructor.name;
  }

  /** @throws {XeniooDeadLetterError} when no inbox has a letter of this id */
  private async indexOf(id: string): Promise<number> {
    if (!isLetterId(id)) throw noSuchLetter(id);
    for (const [index, { inbox }] of this.registered.entries()) {
      if (await inbox.deadLetters.get(id)) return index;
    }
    throw noSuchLetter(id);
  }

  /** Answers whether an instance before this one has a letter of the id. */
  private async isBefore(index: number, id: string): Promise<boolean> {
    for (const { inbox } of this.registered.slice(0, index)) {
      if (await inbox.deadLetters.get(id)) return true;
    }
    return false;
  }

  private async replayOrReason(
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

/** Lists the page behind the last passed letter that is still there: others may remove letters meanwhile. */
export async function pageAfter(
  passed: string[],
  list: (after: string | undefined) => Promise<XeniooDeadLetter[]>,
): Promise<XeniooDeadLetter[]> {
  for (;;) {
    const after = passed.at(-1);
    try {
      return await list(after);
    } catch (error) {
      const isGone = error instanceof XeniooDeadLetterError;
      if (!isGone || after === undefined) throw error;
      passed.pop();
    }
  }
}

function noSuchLetter(id: string): XeniooDeadLetterError {
  return new XeniooDeadLetterError(`there is no dead letter ${id}`);
}
