import type { Database, RootDatabase } from 'lmdb';
import { statfsSync } from 'node:fs';
import { describeError } from '../describe-error.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import { reasonOf } from './commit-error.js';
import { assertFormatOfData, FORMAT } from './inbox-format.js';
import { openTables, type Tables } from './lmdb.tables.js';
import { prepareFolder, type PreparedFolder } from './prepare-folder.js';

/** What is written together: all of it, or nothing. */
export interface Batch {
  /** Writes more where a key has this version, or where it is absent; tells whether it was so. */
  when(
    table: Database<string, string>,
    key: string,
    version: number | null,
    write: () => void,
  ): Promise<boolean>;
}

/** How much space must be left: what is added takes pages of its own, and changes others. */
const SPACE_FACTOR = 2;
const SPARE_BYTES = 2 ** 20;

/** An open folder: the one place that speaks with lmdb. */
export class LmdbFolder {
  private root!: RootDatabase<string, string>;
  private opened: Tables | undefined;
  /** Whether it could not be opened anew. */
  private isBroken = false;
  private startNumber = 0;

  private constructor(private readonly prepared: PreparedFolder) {
    this.connect();
  }

  /** @throws {XeniooInboxError} when the folder can't be used */
  static async open(path: string): Promise<LmdbFolder> {
    const prepared = await prepareFolder(path);
    try {
      const folder = new LmdbFolder(prepared);
      await folder.sign();
      await folder.count().catch(() => {});
      return folder;
    } catch (error) {
      if (error instanceof XeniooInboxError) throw error;
      throw new XeniooInboxError(
        `the LMDB inbox can't use the folder ${prepared.path}: ${describeError(error).message}`,
        { cause: error },
      );
    }
  }

  /** The folder without links in its path. */
  get path(): string {
    return this.prepared.path;
  }

  /** How often the folder was opened, this time counted: no other process has the same number, and later ones have larger ones. */
  get starts(): number {
    return this.startNumber;
  }

  get isClosed(): boolean {
    return this.opened === undefined;
  }

  /** Whether it can be read, and not only after the next write. */
  get isReadable(): boolean {
    return !this.isClosed && !this.isBroken;
  }

  /**
   * The tables, opened anew if the disk had failed.
   * @throws {XeniooInboxError} when it is closed, where lmdb would end the process, or can't be opened
   */
  get tables(): Tables {
    if (!this.opened) throw new XeniooInboxError('the LMDB inbox has stopped');
    if (this.isBroken) this.connect();
    return this.opened;
  }

  /** Lets the next read see what other processes have written since. */
  refresh(): void {
    if (this.isReadable) this.root.resetReadTxn();
  }

  /** Frees what processes that were killed held on to. */
  forgetDeadReaders(): void {
    if (this.isReadable) this.root.readerCheck();
  }

  /**
   * Writes all that `write` does, in one transaction that waits for no code of
   * this process: lmdb's `transaction()` calls back while it holds the lock of all
   * processes, and a `process.exit()` in that moment hangs for ever. `write` must
   * not throw: what came before would be written.
   * Resolves once that is committed and synced.
   * @param bytes how large is what is added, about
   */
  async write(write: (batch: Batch) => void, bytes = 0): Promise<void> {
    this.assertSpace(bytes);
    const { tables } = this;
    const conditions: Promise<boolean>[] = [];
    const batch: Batch = {
      when(table, key, version, more) {
        const condition =
          version === null
            ? table.ifNoExists(key, more)
            : table.ifVersion(key, version, more);
        conditions.push(condition);
        return condition;
      },
    };
    const committed = this.root.batch(() => write(batch));
    const [result] = await Promise.all([
      committed.then(
        () => undefined,
        (error: unknown) => reasonOf(error),
      ),
      ...conditions.map(condition => condition.catch(reasonOf)),
    ]);
    if (result === undefined) return;
    await this.recover(tables);
    throw result;
  }

  async close(): Promise<void> {
    if (!this.opened) return;
    this.opened = undefined;
    if (!this.isBroken) await this.root.close();
  }

  private connect(): void {
    this.root = this.prepared.open();
    this.isBroken = false;
    const { root } = this;
    this.opened = openTables(root);
  }

  /** lmdb itself notices a full disk too late: with a large value, that may end the process. */
  private assertSpace(bytes: number): void {
    if (bytes === 0) return;
    const { bavail, bsize } = statfsSync(this.path);
    if (bavail * bsize >= SPACE_FACTOR * bytes + SPARE_BYTES) return;
    throw new Error(`the disk of ${this.path} is full`);
  }

  /** Marks the folder as ours, once there is something in it. */
  private async sign(): Promise<void> {
    const { meta } = this.tables;
    await this.write(batch => {
      void batch.when(meta, 'format', null, () => {
        void meta.put('format', FORMAT, 1);
      });
    });
    this.refresh();
    try {
      assertFormatOfData(this.path, meta.get('format'));
    } catch (error) {
      await this.close();
      throw error;
    }
    await this.prepared.sign();
  }

  private async count(): Promise<void> {
    for (let isCounted = false; !isCounted;) {
      this.refresh();
      const { meta } = this.tables;
      const starts = meta.getEntry('starts')?.version;
      // Should the disk be too full to count: larger than those before, smaller than the next.
      this.startNumber = (starts ?? 0) + Math.random();
      let counted!: Promise<boolean>;
      await this.write(batch => {
        counted = batch.when(meta, 'starts', starts ?? null, () => {
          void meta.put('starts', '', (starts ?? 0) + 1);
        });
      });
      isCounted = await counted;
      if (isCounted) this.startNumber = (starts ?? 0) + 1;
    }
  }

  /** After a failure of the disk in the wrong moment, lmdb would hang at the next write: it is opened anew. */
  private async recover({ meta }: Tables): Promise<void> {
    try {
      meta.get('format');
    } catch {
      this.isBroken = true;
      await this.root.close();
      this.connect();
    }
  }
}
