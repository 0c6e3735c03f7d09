import { Logger } from '@nestjs/common';
import type { Database, RootDatabase, RootDatabaseOptions } from 'lmdb';
import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  statfsSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../describe-error.js';
import { settledWithin } from '../settled-within.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import { createDamagedInboxError, DATA_FILE } from './damaged-inbox.error.js';
import {
  openMeta,
  openTables,
  TABLE_NAMES,
  type Tables,
} from './lmdb.tables.js';
import { loadLmdb, type LoadedLmdb } from './load-lmdb.js';
import {
  FORMAT,
  hasBytes,
  LOCK_FILE,
  prepareFolder,
  signFolder,
  type PreparedFolder,
} from './prepare-folder.js';
import { probeDataFile } from './probe-data-file.js';

const OPTIONS: RootDatabaseOptions = {
  encoding: 'string',
  maxDbs: 16,
  cache: false,
  // With it, commits resolve before they are synced.
  overlappingSync: false,
  // With it, a commit that fails rejects promises that nobody holds.
  eventTurnBatching: false,
};

/** Writes of one transaction: all of them, or none. */
export interface Batch {
  /** Writes more where a key has this version, or where it is absent; resolves to whether that was so. */
  when(
    table: Database<string, string>,
    key: string,
    version: number | null,
    write: () => void,
  ): Promise<boolean>;

  /** Writes more where a key exists. */
  whenPresent<K extends [number, number]>(
    table: Database<string, K>,
    key: K,
    write: () => void,
  ): Promise<boolean>;
}

/** Space that must be free, as a multiple of what is added: rows take whole pages, and change others. */
const SPACE_FACTOR = 2;
const SPARE_BYTES = 2 ** 19;

/** Time in milliseconds after which a failed opening is repeated. */
const REOPEN_AFTER_MS = 1_000;

/** Another process holds the lock for writing, and does not release it. */
class LockHeldError extends XeniooInboxError {
  constructor(path: string) {
    super(
      `the LMDB inbox at ${path} is locked: another process that writes to it has stopped (SIGSTOP?) or hangs. Resume that process, or kill it`,
    );
  }
}

/** The data file of an inbox: the only class that calls lmdb. */
export class LmdbFolder {
  private readonly logger = new Logger('Xenioo');
  private root!: RootDatabase<string, string>;
  private opened: Tables | undefined;
  /** Why the tables can't be used. */
  private reason = 'the LMDB inbox is being opened';
  /** True once `close()` was called. */
  isClosed = false;
  /** Tells when the file is deleted: its number on the disk is not the same for ever on every file system. */
  private dataFile: number | undefined;
  private streamNumber = 0;

  private constructor(
    private readonly prepared: PreparedFolder,
    private readonly loaded: LoadedLmdb,
  ) {}

  /**
   * Opens the folder. While a stopped process holds its lock, it stays unavailable,
   * and is opened later.
   * @throws {XeniooInboxError} when the folder can't be used
   */
  static async open(path: string): Promise<LmdbFolder> {
    const loaded = loadLmdb();
    const folder = new LmdbFolder(prepareFolder(path), loaded);
    try {
      await folder.connect();
    } catch (error) {
      if (!(error instanceof LockHeldError)) throw error;
      void folder.reconnect(error);
    }
    return folder;
  }

  /** Path without links. */
  get path(): string {
    return this.prepared.path;
  }

  /** Number of this process: no other has the same, and later ones have larger numbers. */
  get stream(): number {
    return this.streamNumber;
  }

  get isOpen(): boolean {
    return this.opened !== undefined;
  }

  /** @throws {XeniooInboxError} when the folder is closed or unavailable; lmdb would end the process */
  get tables(): Tables {
    if (!this.opened) throw new XeniooInboxError(this.reason);
    return this.opened;
  }

  /** Makes commits of other processes visible to the next read. */
  refresh(): void {
    if (this.isOpen) this.root.resetReadTxn();
  }

  /** Frees the pages that killed processes were reading. */
  forgetDeadReaders(): void {
    if (this.isOpen) this.root.readerCheck();
  }

  /**
   * Commits all that `write` writes, in one transaction that calls nothing in this
   * process: with lmdb's `transaction()`, a `process.exit()` during the callback
   * would hang, and keep the lock of all processes. `write` must not throw.
   * Resolves once the commit is synced.
   * @param bytes size of what is added
   * @throws {Error} when nothing could be written
   */
  async write(write: (batch: Batch) => void, bytes = 0): Promise<void> {
    const { tables } = this;
    this.assertSameFiles();
    this.assertSpace(bytes);
    const conditions: Promise<boolean>[] = [];
    const add = (condition: Promise<boolean>) => {
      conditions.push(condition);
      return condition;
    };
    const { IF_EXISTS } = this.loaded.lmdb;
    const batch: Batch = {
      when: (table, key, version, more) =>
        add(
          version === null
            ? table.ifNoExists(key, more)
            : table.ifVersion(key, version, more),
        ),
      whenPresent: (table, key, more) =>
        add(table.ifVersion(key, IF_EXISTS, more)),
    };
    const committed = this.root.batch(() => write(batch));
    const [error] = await Promise.all([
      committed.then(() => undefined, reasonOf),
      ...conditions.map(condition => condition.catch(reasonOf)),
    ]);
    if (error === undefined) return;
    this.reopenIfBroken(tables);
    throw error;
  }

  /**
   * Closes the data file; false where that takes longer than `timeoutMs`, because a
   * commit waits for the lock.
   */
  async close(timeoutMs: number): Promise<boolean> {
    this.isClosed = true;
    const { isOpen, root, dataFile } = this;
    this.makeUnavailable('the LMDB inbox has stopped');
    if (dataFile !== undefined) closeSync(dataFile);
    this.dataFile = undefined;
    if (!isOpen) return true;
    const closed = root.close().catch(() => {});
    return settledWithin(closed, timeoutMs);
  }

  private makeUnavailable(reason: string): void {
    this.opened = undefined;
    this.reason = reason;
  }

  private async connect(): Promise<void> {
    const { path } = this;
    const data = join(path, DATA_FILE);
    if (hasBytes(data)) await this.assertSound();
    if (this.isClosed) return;
    try {
      this.root = this.loaded.lmdb.open<string, string>({
        path: data,
        ...OPTIONS,
      });
      this.makePrivate();
      const meta = openMeta(this.root);
      assertFormat(this.prepared, meta.get('format'));
      const tables = openTables(this.root);
      this.identify(tables);
      this.dataFile ??= openSync(data, 'r');
      signFolder(this.prepared);
      this.opened = tables;
    } catch (error) {
      if (error instanceof XeniooInboxError) throw error;
      throw new XeniooInboxError(
        `the LMDB inbox can't use the folder ${path}: ${describeError(error).message}`,
        { cause: error },
      );
    }
  }

  /** lmdb makes files that everybody may read. */
  private makePrivate(): void {
    if (!this.prepared.isNew) return;
    for (const name of [DATA_FILE, LOCK_FILE]) {
      chmodSync(join(this.path, name), 0o600);
    }
  }

  private async assertSound(): Promise<void> {
    const { path } = this;
    const result = await probeDataFile(join(path, DATA_FILE), {
      // Making a new file may have been interrupted.
      names: this.prepared.isNew ? [] : TABLE_NAMES,
      file: this.loaded.file,
      options: OPTIONS,
    });
    if (result.status === 'locked') throw new LockHeldError(path);
    if (result.status === 'damaged') {
      throw createDamagedInboxError(path, result.reason);
    }
    if (result.status === 'unknown') {
      this.logger.warn(
        `The data file of the LMDB inbox at ${path} could not be checked, and is opened unchecked: ${result.reason}`,
      );
    }
  }

  /** Writes the format of a new data file, and counts this process. */
  private identify({ meta }: Tables): void {
    if (this.streamNumber > 0) return;
    const starts = meta.getEntry('starts')?.version ?? 0;
    try {
      this.assertSpace(1);
      this.streamNumber = this.root.transactionSync(() => {
        const count = (meta.getEntry('starts')?.version ?? 0) + 1;
        void meta.put('format', FORMAT, 1);
        void meta.put('starts', '', count);
        return count;
      });
    } catch {
      // The disk is full: a number after those of earlier processes, before the next.
      this.streamNumber = starts + Math.random();
    }
  }

  /** After some failures of the disk lmdb would hang at the next write: opens the file anew. */
  private reopenIfBroken({ meta }: Tables): void {
    try {
      meta.get('format');
    } catch (error) {
      if (!this.isOpen) return;
      const { root } = this;
      this.makeUnavailable(
        `the LMDB inbox at ${this.path} is being opened anew after a failure of its disk`,
      );
      void root
        .close()
        .catch(() => {})
        .then(() => this.reconnect(error));
    }
  }

  private async reconnect(error: unknown): Promise<void> {
    let { message } = describeError(error);
    this.logger.error(`${message}. Calls are answered 503 until it is open.`);
    while (!this.isClosed) {
      this.makeUnavailable(message);
      await sleep(REOPEN_AFTER_MS, undefined, { ref: false });
      try {
        await this.connect();
        if (this.isOpen) {
          this.logger.log(`The LMDB inbox at ${this.path} is open.`);
        }
        return;
      } catch (failure) {
        message = describeError(failure).message;
      }
    }
  }

  /** Processes that are started now would use other files. */
  private assertSameFiles(): void {
    const isSame =
      fstatSync(this.dataFile!).nlink > 0 &&
      [DATA_FILE, LOCK_FILE].every(name => existsSync(join(this.path, name)));
    if (isSame) return;
    this.makeUnavailable(
      `the LMDB inbox at ${this.path}: ${DATA_FILE} or ${LOCK_FILE} was deleted or replaced while in use. Stop the application, restore the files, or move the folder away and start with a new one`,
    );
    this.logger.error(
      `${this.reason}. Calls are answered 503 until it is restarted.`,
    );
    throw new XeniooInboxError(this.reason);
  }

  /** lmdb notices a full disk too late: with a large value, that may end the process. */
  private assertSpace(bytes: number): void {
    if (bytes === 0) return;
    const { bavail, bsize } = statfsSync(this.path);
    if (bavail * bsize >= SPACE_FACTOR * bytes + SPARE_BYTES) return;
    throw new Error(`the disk of ${this.path} is full`);
  }
}

/** @throws {XeniooInboxError} when the data file holds something else, or another format */
function assertFormat(
  { path, isNew }: PreparedFolder,
  found: string | undefined,
): void {
  if (found === FORMAT || (isNew && found === undefined)) return;
  if (found === undefined || !/^nestjs-xenioo lmdb \d+$/.test(found)) {
    throw createDamagedInboxError(path, 'it does not say what it holds');
  }
  throw new XeniooInboxError(
    `the folder ${path} holds the data of another version of the LMDB inbox (${found}, this one is ${FORMAT}): use that version, or another folder`,
  );
}

/** Time in milliseconds to wait for the reason of a failed commit, which lmdb gives in a second promise. */
const REASON_WITHIN_MS = 100;

async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  let reason = error;
  const known = commitError?.catch((cause: unknown) => (reason = cause));
  if (known) await settledWithin(known, REASON_WITHIN_MS);
  return reason;
}
