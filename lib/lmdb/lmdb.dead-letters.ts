import { setImmediate } from 'node:timers/promises';
import {
  letterWithout,
  restoreLetter,
  storeLetter,
  type XeniooDeadLetter,
} from '../inbox/dead-letter.js';
import {
  isMeant,
  LETTERS_A_PAGE,
  type XeniooDeadLetterQuery,
  type XeniooDeadLetterStore,
  type XeniooReplay,
} from '../inbox/xenioo.dead-letter-store.js';
import { XeniooDeadLetterError } from '../xenioo.errors.js';
import type { GroupCommit } from '../inbox/group-commit.js';
import type { Batch, LmdbFolder } from './lmdb.folder.js';
import type { LetterKey } from './lmdb.tables.js';
import type { LmdbStore } from './lmdb.store.js';

/** How many letters are read before the event loop turns. */
const READ_AT_ONCE = 200;

/** A letter as it is kept: another process may change it meanwhile, and then its version. */
interface Kept {
  readonly version: number;
  readonly key: LetterKey;
  readonly letter: XeniooDeadLetter;
}

/** Keeps dead letters on disk. */
export class LmdbDeadLetters implements XeniooDeadLetterStore {
  constructor(
    private readonly folder: LmdbFolder,
    private readonly store: LmdbStore,
    private readonly commit: GroupCommit<Batch>,
    /** Called when entries of a letter are pending again. */
    private readonly requeued: () => void,
  ) {}

  async get(id: string): Promise<XeniooDeadLetter | undefined> {
    this.folder.refresh();
    return this.find(id)?.letter;
  }

  async list({
    limit = LETTERS_A_PAGE,
    after,
    ...filter
  }: XeniooDeadLetterQuery = {}): Promise<XeniooDeadLetter[]> {
    this.folder.refresh();
    const last = after === undefined ? undefined : this.find(after);
    if (after !== undefined && !last) {
      throw new XeniooDeadLetterError(`there is no dead letter ${after}`);
    }
    const page: XeniooDeadLetter[] = [];
    let from = last?.key;
    for (;;) {
      const keys = this.keysAfter(from);
      for (const { id } of keys) {
        const letter = this.find(id)?.letter;
        if (!letter || page.length >= limit) continue;
        const handlers = letter.failures.map(({ handler }) => handler);
        if (isMeant({ kind: letter.kind, handlers }, filter)) page.push(letter);
      }
      if (page.length >= limit || keys.length < READ_AT_ONCE) return page;
      from = keys.at(-1)!.key;
      await setImmediate();
    }
  }

  async replay(id: string, replay: XeniooReplay): Promise<boolean> {
    const isReplayed = await this.change(
      id,
      kept => kept && letterWithout(kept.letter, replay.handlers),
      () => this.store.requeue(replay),
    );
    if (isReplayed) this.requeued();
    return isReplayed;
  }

  async remove(id: string): Promise<boolean> {
    return this.change(id, () => undefined);
  }

  /** Takes away letters that are older; returns how many. */
  async removeOlderThan(date: Date): Promise<number> {
    let removed = 0;
    for (;;) {
      this.folder.refresh();
      const old = this.keysAfter(undefined).filter(
        ({ key: [at] }) => at < date.getTime(),
      );
      if (old.length === 0) return removed;
      const are = await Promise.all(old.map(({ id }) => this.remove(id)));
      removed += are.filter(Boolean).length;
    }
  }

  /** Writes a letter that nobody has written before. To be used inside a transaction. */
  add(batch: Batch, letter: XeniooDeadLetter): void {
    const { letters } = this.folder.tables;
    void batch.when(letters, letter.id, null, () => this.put(letter));
  }

  /**
   * Writes the letter of an id, or changes it, and more with it; nothing of that
   * where another process was quicker, and then once more.
   */
  async merge(
    id: string,
    change: (earlier: XeniooDeadLetter | undefined) => XeniooDeadLetter,
    more: () => void,
  ): Promise<void> {
    for (;;) {
      this.folder.refresh();
      const kept = this.find(id);
      const letter = change(kept?.letter);
      if (await this.isWritten(id, kept, letter, more)) return;
    }
  }

  /** Changes a letter or takes it away, and writes more with that; tells whether there was one. */
  private async change(
    id: string,
    change: (kept: Kept) => XeniooDeadLetter | undefined,
    more: () => void = () => {},
  ): Promise<boolean> {
    for (;;) {
      this.folder.refresh();
      const kept = this.find(id);
      if (!kept) return false;
      if (await this.isWritten(id, kept, change(kept), more)) return true;
    }
  }

  private async isWritten(
    id: string,
    kept: Kept | undefined,
    letter: XeniooDeadLetter | undefined,
    more: () => void,
  ): Promise<boolean> {
    const text = letter && storeLetter(letter);
    let isDone!: Promise<boolean>;
    await this.commit.write(
      batch => {
        const { letters, letterOrder } = this.folder.tables;
        isDone = batch.when(letters, id, kept?.version ?? null, () => {
          if (kept) void letterOrder.remove(kept.key);
          if (letter) this.put(letter);
          else void letters.remove(id);
          more();
        });
      },
      { bytes: text?.length ?? 0 },
    );
    return isDone;
  }

  private put(letter: XeniooDeadLetter): void {
    const { letters, letterOrder } = this.folder.tables;
    const [stream, number] = this.store.nextKey();
    const key: LetterKey = [letter.deadLetteredAt.getTime(), stream, number];
    const text = storeLetter(letter);
    const version = 1 + Math.floor(Math.random() * 2 ** 52);
    void letters.put(letter.id, JSON.stringify({ key, text }), version);
    void letterOrder.put(key, letter.id);
  }

  private find(id: string): Kept | undefined {
    const entry = this.folder.tables.letters.getEntry(id);
    if (!entry) return undefined;
    const { key, text } = JSON.parse(entry.value) as {
      key: LetterKey;
      text: string;
    };
    return { key, version: entry.version!, letter: restoreLetter(text) };
  }

  private keysAfter(
    key: LetterKey | undefined,
  ): { key: LetterKey; id: string }[] {
    const start: LetterKey = key ? [key[0], key[1], key[2] + 1] : [0, 0, 0];
    const range = { start, limit: READ_AT_ONCE };
    return [...this.folder.tables.letterOrder.getRange(range)].map(
      ({ key, value }) => ({ key, id: value }),
    );
  }
}
