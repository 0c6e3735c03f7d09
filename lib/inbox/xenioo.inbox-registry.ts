import { Injectable, Logger } from '@nestjs/common';
import { setImmediate } from 'node:timers/promises';
import { describeError } from '../describe-error.js';
import { XeniooExplorer } from '../handlers/xenioo.explorer.js';
import { XeniooDeadLetterError, XeniooOptionsError } from '../xenioo.errors.js';
import { assertFilter, assertLimit } from './assert-query.js';
import type { XeniooDeadLetter } from './dead-letter.js';
import { replayOf, type BotNamed } from './replay-of.js';
import {
  LETTERS_A_PAGE,
  type XeniooDeadLetterFilter,
  type XeniooDeadLetterQuery,
} from './xenioo.dead-letter-store.js';
import { XeniooDeadLetters } from './xenioo.dead-letters.js';
import type { XeniooInbox } from './xenioo.inbox.js';

/** The inbox of one instance of the module. */
interface Registered {
  readonly inbox: XeniooInbox;
  readonly botNamed: BotNamed;
}

/** Knows the inboxes of all instances in the application. */
@Injectable()
export class XeniooInboxRegistry extends XeniooDeadLetters {
  private readonly logger = new Logger('Xenioo');
  private readonly registered: Registered[] = [];

  constructor(private readonly explorer: XeniooExplorer) {
    super();
  }

  /** @throws {XeniooOptionsError} when another instance keeps its things at the same place */
  register(inbox: XeniooInbox, botNamed: BotNamed): void {
    const { place } = inbox;
    const isTaken = this.registered.some(other => other.inbox.place === place);
    if (place !== undefined && isTaken) {
      throw new XeniooOptionsError([
        `two instances of XeniooModule keep their events at ${place}: give each a place of its own`,
      ]);
    }
    this.registered.push({ inbox, botNamed });
  }

  async list(query: XeniooDeadLetterQuery = {}): Promise<XeniooDeadLetter[]> {
    const { limit = LETTERS_A_PAGE, after, ...filter } = query;
    assertLimit(limit);
    assertFilter(filter);
    const first = after === undefined ? 0 : await this.indexOf(after);
    const page: XeniooDeadLetter[] = [];
    for (let index = first; index < this.registered.length; index++) {
      const begin = index === first ? after : undefined;
      for await (const letter of this.lettersOf(index, {
        ...filter,
        after: begin,
        limit,
      })) {
        if (page.push(letter) >= limit) return page;
      }
    }
    return page;
  }

  async get(id: string): Promise<XeniooDeadLetter | undefined> {
    for (const { inbox } of this.registered) {
      const letter = await inbox.deadLetters.get(id);
      if (letter) return letter;
    }
    return undefined;
  }

  async replay(id: string): Promise<void> {
    const { inbox, botNamed } = this.registered[await this.indexOf(id)]!;
    const letter = await inbox.deadLetters.get(id);
    if (!letter) throw noSuchLetter(id);
    const handlers = this.explorer.handlers.map(({ name }) => name);
    const replay = replayOf(letter, { handlers, botNamed });
    if (!(await inbox.deadLetters.replay(id, replay))) throw noSuchLetter(id);
  }

  async replayAll(filter: XeniooDeadLetterFilter = {}): Promise<number> {
    assertFilter(filter);
    const startedAt = new Date();
    const passed: string[] = [];
    const stay = new Map<string, unknown>();
    const replayed = new Set<string>();
    let page: XeniooDeadLetter[];
    do {
      // What is replayed is gone, and what fails again comes back at the end.
      page = await pageAfter(passed, after => this.list({ ...filter, after }));
      for (const { id, deadLetteredAt } of page) {
        // One that fails again can be back within a millisecond.
        const isNew = deadLetteredAt > startedAt || replayed.has(id);
        const outcome = isNew || stay.has(id) ? 'passed' : await this.try(id);
        if (outcome === 'replayed') replayed.add(id);
        else passed.push(id);
        if (outcome instanceof Error && (await this.get(id))) {
          stay.set(id, outcome);
        }
      }
      await setImmediate();
    } while (page.length > 0);
    const [reason] = stay.values();
    if (reason) {
      this.logger.warn(
        `${stay.size} dead letters can't be replayed and stay; the first: ${describeError(reason).message}`,
      );
    }
    return replayed.size;
  }

  async remove(id: string): Promise<boolean> {
    for (const { inbox } of this.registered) {
      if (await inbox.deadLetters.remove(id)) return true;
    }
    return false;
  }

  /** @throws {XeniooDeadLetterError} when no inbox has a letter of this id */
  private async indexOf(id: string): Promise<number> {
    for (const [index, { inbox }] of this.registered.entries()) {
      if (await inbox.deadLetters.get(id)) return index;
    }
    throw noSuchLetter(id);
  }

  /** Replays a letter, or returns why it can't be. */
  private async try(id: string): Promise<'replayed' | XeniooDeadLetterError> {
    try {
      await this.replay(id);
      return 'replayed';
    } catch (error) {
      if (error instanceof XeniooDeadLetterError) return error;
      throw error;
    }
  }

  /** The letters of an instance; those that one before it has too show when they are gone there. */
  private async *lettersOf(
    index: number,
    query: XeniooDeadLetterQuery & { readonly limit: number },
  ): AsyncGenerator<XeniooDeadLetter> {
    const store = this.registered[index]!.inbox.deadLetters;
    const passed: string[] = [];
    for (;;) {
      const page = await pageAfter(passed, after =>
        store.list({ ...query, after: after ?? query.after }),
      );
      let hidden = 0;
      for (const letter of page) {
        if (await this.isBefore(index, letter.id)) hidden++;
        else yield letter;
        passed.push(letter.id);
      }
      if (hidden === 0) return;
    }
  }

  /** Whether an instance before this one has a letter of the id. */
  private async isBefore(index: number, id: string): Promise<boolean> {
    for (const { inbox } of this.registered.slice(0, index)) {
      if (await inbox.deadLetters.get(id)) return true;
    }
    return false;
  }
}

/** The page behind the last that was passed and is still there: others may be at work. */
async function pageAfter(
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
