import { Logger } from '@nestjs/common';
import { setImmediate } from 'node:timers/promises';
import { describeError } from '../describe-error.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import type { GroupCommit } from '../inbox/group-commit.js';
import {
  restoreDeadLetter,
  storeDeadLetter,
  storeTask,
} from '../inbox/stored-form.js';
import {
  LETTERS_PER_PAGE,
  matchesFilter,
  type XeniooDeadLetterQuery,
  type XeniooDeadLetterStore,
} from '../inbox/xenioo.dead-letter-store.js';
import { XeniooDeadLetterError } from '../xenioo.errors.js';
import type { Batch } from './lmdb.batch.js';
import type { LmdbFolder } from './lmdb.folder.js';
import { bytesOf, type LmdbStore } from './lmdb.store.js';
import type { LetterKey } from './lmdb.tables.js';

/** Number of letters read before other work of the event loop gets its turn. */
const ROWS_PER_READ = 200;

/** A dead letter and its row, which other processes may replace. */
interface StoredLetter {
  readonly version: number;
  readonly key: LetterKey;
  readonly text: string;
}

/** Stores dead letters on disk. */
export class LmdbDeadLetters implements XeniooDeadLetterStore {
  private readonly logger = new Logger('Xenioo');

  constructor(
    private readonly folder: LmdbFolder,
    private readonly store: LmdbStore,
    private readonly commit: GroupCommit<Batch>,
    /** Called when a letter was replayed. */
    private readonly onReplayed: () => void,
  ) {}

  async get(id: string): Promise<XeniooDeadLetter | undefined> {
    this.folder.refresh();
    const found = this.find(id);
    return found && restoreDeadLetter(found.text);
  }

  async list({
    limit = LETTERS_PER_PAGE,
    after,
    ...filter
  }: XeniooDeadLetterQuery = {}): Promise<XeniooDeadLetter[]> {
    this.folder.refresh();
    let from = after === undefined ? undefined : this.find(after)?.key;
    if (after !== undefined && !from) {
      throw new XeniooDeadLetterError(`there is no dead letter ${after}`);
    }
    const page: XeniooDeadLetter[] = [];
    for (;;) {
      const rows = this.rowsAfter(from);
      for (const { key, id } of rows) {
        const found = this.find(id);
        // A letter that was replaced may have left its old row.
        if (!found || found.key.join() !== key.join()) continue;
        const letter = this.restore(id, found);
        if (!letter || !matchesFilter(letter, filter)) continue;
        page.push(letter);
        if (page.length >= limit) return page;
      }
      if (rows.length < ROWS_PER_READ) return page;
      from = rows.at(-1)!.key;
      await setImmediate();
    }
  }

  async replay(id: string, tasks: readonly XeniooTask[]): Promise<boolean> {
    const rows = tasks.map(task => ({ task, text: storeTask(task) }));
    const bytes = rows.reduce((sum, { text }) => sum + bytesOf(text), 0);
    const write = () => {
      for (const { task, text } of rows) this.store.addReplay(task, text);
    };
    const isReplayed = await this.removeAnd(id, write, bytes);
    if (isReplayed) this.onReplayed();
    return isReplayed;
  }

  async remove(id: string): Promise<boolean> {
    return this.removeAnd(id, () => {});
  }

  /** Removes older letters; returns their number. */
  async removeOlderThan(date: Date): Promise<number> {
    let removed = 0;
    for (;;) {
      this.folder.refresh();
      const rows = this.rowsAfter(undefined);
      const old = rows.filter(({ key: [at] }) => at < date.getTime());
      if (old.length === 0) return removed;
      const results = await Promise.all(old.map(row => this.removeRow(row)));
      removed += results.filter(Boolean).length;
    }
  }

  /** Writes a letter; replaces one of the same id. Call it inside `LmdbFolder.write()`. */
  add(letter: XeniooDeadLetter, text = storeDeadLetter(letter)): void {
    const { letters, letterOrder } = this.folder.tables;
    const [processNumber, number] = this.store.nextKey();
    const key: LetterKey = [
      letter.deadLetteredAt.getTime(),
      processNumber,
      number,
    ];
    // Random, so that a letter differs in version from the one it replaces.
    const version = 1 + Math.floor(Math.random() * 2 ** 52);
    void letters.put(letter.id, JSON.stringify(key) + text, version);
    void letterOrder.put(key, letter.id);
  }

  /** Removes a letter and calls `write` in one commit; resolves to false when there is no such letter. */
  private async removeAnd(
    id: string,
    write: () => void,
    bytes = 0,
  ): Promise<boolean> {
    for (;;) {
      this.folder.refresh();
      const found = this.find(id);
      if (!found) return false;
      let isDone!: Promise<boolean>;
      const work = (batch: Batch) => {
        const { letters, letterOrder } = this.folder.tables;
        isDone = batch.when(letters, id, found.version, () => {
          void letterOrder.remove(found.key);
          void letters.remove(id);
          write();
        });
      };
      await this.commit.write(work, { bytes });
      if (await isDone) return true;
    }
  }

  /** Removes a row of the order and its letter, unless the letter was replaced since. */
  private async removeRow({
    key,
    id,
  }: {
    key: LetterKey;
    id: string;
  }): Promise<boolean> {
    if (this.find(id)?.key.join() === key.join()) return this.remove(id);
    await this.commit.write(() => {
      void this.folder.tables.letterOrder.remove(key);
    });
    return false;
  }

  /** Restores a letter; logs one that this version can't read, so that the others are listed. */
  private restore(
    id: string,
    { text }: StoredLetter,
  ): XeniooDeadLetter | undefined {
    try {
      return restoreDeadLetter(text);
    } catch (error) {
      this.logger.warn(
        `The dead letter ${id} can't be read and is not listed: ${describeError(error).message}`,
      );
      return undefined;
    }
  }

  private find(id: string): StoredLetter | undefined {
    const entry = this.folder.tables.letters.getEntry(id);
    if (!entry) return undefined;
    const { value } = entry;
    const end = value.indexOf(']') + 1;
    const key = JSON.parse(value.slice(0, end)) as LetterKey;
    return { key, version: entry.version!, text: value.slice(end) };
  }

  private rowsAfter(
    key: LetterKey | undefined,
  ): { key: LetterKey; id: string }[] {
    const start: LetterKey = key ? [key[0], key[1], key[2] + 1] : [0, 0, 0];
    const range = { start, limit: ROWS_PER_READ };
    return [...this.folder.tables.letterOrder.getRange(range)].map(
      ({ key, value }) => ({ key, id: value }),
    );
  }
}
