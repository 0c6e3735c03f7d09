import { Logger } from '@nestjs/common';
import type { RootDatabase } from 'lmdb';
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
import {
  checkDataFile,
  LockHeldError,
  LMDB_OPTIONS,
} from './check-data-file.js';
import { createDamagedInboxError, DATA_FILE } from './damaged-inbox.error.js';
import { commitBatch, type Batch } from './lmdb.batch.js';
import { openMeta, openTables, type Tables } from './lmdb.tables.js';
import { loadLmdb, type LoadedLmdb } from './load-lmdb.js';
import {
  FORMAT,
  hasContent,
  LOCK_FILE,
  prepareFolder,
  markFolder,
  type PreparedFolder,
} from './prepare-folder.js';

/** Free space that a write needs, as a multiple of its size: rows take whole pages and change others. */
const SPACE_FACTOR = 2;
const SPARE_BYTES = 2 ** 19;

/** Time in milliseconds between two attempts to open the data file. */
const REOPEN_DELAY_MS = 1_000;

const DATA_FILE_CHANGE = `${DATA_FILE} was deleted, replaced or overwritten while in use. Stop the application, restore this file, and start the application again`;

/** The data file of an inbox, with the checks that keep lmdb from ending or blocking the process. */
export class LmdbFolder {
  private readonly logger = new Logger('Xenioo');
  private root!: RootDatabase<string, string>;
  private opened: Tables | undefined;
  /** Reason for which the tables are not available. */
  private unavailableReason = 'the LMDB inbox is being opened';
  /** True once `close()` was called. */
  isClosed = false;
  /** Descriptor that shows when the file is deleted; its inode number may change on some file systems. */
  private dataFile: number | undefined;
  /** Size of the data file at the last check; lmdb never shrinks it. */
  private dataFileBytes = 0;
  private ownProcessNumber = 0;

  private constructor(
    private readonly prepared: PreparedFolder,
    private readonly loaded: LoadedLmdb,
  ) {}

  /**
   * Opens the folder. If a stopped process holds its lock, the folder stays
   * unavailable and opening is retried.
   * @throws {XeniooInboxError} when the folder can't be used
   */
  static async open(path: string): Promise<LmdbFolder> {
    const loaded = loadLmdb();
    const folder = new LmdbFolder(prepareFolder(path), loaded);
    try {
      await folder.openDataFile();
    } catch (error) {
      if (!(error instanceof LockHeldError)) throw error;
      void folder.retryOpening(error);
    }
    return folder;
  }

  /** Path with symbolic links resolved. */
  get path(): string {
    return this.prepared.path;
  }

  /** Number of this process: unique, and larger than those of earlier processes. */
  get processNumber(): number {
    return this.ownProcessNumber;
  }

  get isOpen(): boolean {
    return this.opened !== undefined;
  }

  /**
   * The open tables. Calls on a closed database would end the process.
   * @throws {XeniooInboxError} when the folder is closed or unavailable
   */
  get tables(): Tables {
    if (!this.opened) throw new XeniooInboxError(this.unavailableReason);
    return this.opened;
  }

  /** Makes commits of other processes visible to the next read, unless the data file was deleted or truncated. */
  refresh(): void {
    if (!this.isOpen || this.rejectChange(this.changeOfDataFile())) return;
    this.root.resetReadTxn();
  }

  /** Makes the tables unavailable if files were deleted, replaced or truncated. */
  checkFiles(): void {
    if (this.isOpen) this.rejectChange(this.changeOfFiles());
  }

  /** Frees the pages that killed processes kept from reuse. */
  releaseDeadReaders(): void {
    if (this.isOpen) this.root.readerCheck();
  }

  /**
   * Commits everything that `write` writes in one transaction and resolves once it is
   * synced. `write` must not throw. It is not a callback of lmdb's `transaction()`:
   * a `process.exit()` in one would hang and keep the lock of all processes.
   * @param bytes size of the added rows
   * @throws {Error} when nothing was written
   */
  async write(write: (batch: Batch) => void, bytes = 0): Promise<void> {
    const { tables } = this;
    if (this.rejectChange(this.changeOfFiles())) {
      throw new XeniooInboxError(this.unavailableReason);
    }
    this.assertSpace(bytes);
    try {
      await commitBatch(this.root, write);
    } catch (error) {
      this.reopenIfBroken(tables);
      throw error;
    }
  }

  /**
   * Closes the data file. Resolves to false when that takes longer than `timeoutMs`,
   * because a commit waits for the lock.
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
    this.unavailableReason = reason;
  }

  private async openDataFile(): Promise<void> {
    const { path } = this;
    const data = join(path, DATA_FILE);
    if (hasContent(data)) {
      await checkDataFile(this.prepared, this.loaded.file);
    }
    if (this.isClosed) return;
    try {
      this.root = this.loaded.lmdb.open<string, string>({
        path: data,
        ...LMDB_OPTIONS,
      });
      this.restrictPermissions();
      const meta = openMeta(this.root);
      assertFormat(this.prepared, meta.get('format'));
      const tables = openTables(this.root);
      this.assignProcessNumber(tables);
      this.dataFile ??= openSync(data, 'r');
      markFolder(this.prepared);
      this.opened = tables;
    } catch (error) {
      if (error instanceof XeniooInboxError) throw error;
      throw new XeniooInboxError(
        `the LMDB inbox can't use the folder ${path}: ${describeError(error).message}`,
        { cause: error },
      );
    }
  }

  /** Restricts the new files to their owner; lmdb creates them readable for everybody. */
  private restrictPermissions(): void {
    if (!this.prepared.isNew) return;
    for (const name of [DATA_FILE, LOCK_FILE]) {
      chmodSync(join(this.path, name), 0o600);
    }
  }

  /** Writes the format of a new data file, and gives this process its number. */
  private assignProcessNumber({ meta }: Tables): void {
    if (this.ownProcessNumber > 0) return;
    const starts = meta.getEntry('starts')?.version ?? 0;
    try {
      this.assertSpace(1);
      this.ownProcessNumber = this.root.transactionSync(() => {
        const count = (meta.getEntry('starts')?.version ?? 0) + 1;
        void meta.put('format', FORMAT, 1);
        void meta.put('starts', '', count);
        return count;
      });
    } catch {
      // The disk is full: takes a number between those of earlier and later processes.
      this.ownProcessNumber = starts + Math.random();
    }
  }

  /** Reopens the file if a disk failure has broken it: lmdb would hang at the next write. */
  private reopenIfBroken({ meta }: Tables): void {
    try {
      meta.get('format');
    } catch (error) {
      if (!this.isOpen) return;
      const { root } = this;
      this.makeUnavailable(
        `the LMDB inbox at ${this.path} is being reopened after a disk failure`,
      );
      void root
        .close()
        .catch(() => {})
        .then(() => this.retryOpening(error));
    }
  }

  private async retryOpening(error: unknown): Promise<void> {
    let { message } = describeError(error);
    this.logger.error(
      `${message}. Calls are answered 503 until the inbox is open.`,
    );
    while (!this.isClosed) {
      this.makeUnavailable(message);
      await sleep(REOPEN_DELAY_MS, undefined, { ref: false });
      try {
        await this.openDataFile();
        if (this.isOpen) {
          this.logger.log(`The LMDB inbox at ${this.path} is open.`);
        }
        return;
      } catch (failure) {
        message = describeError(failure).message;
      }
    }
  }

  /**
   * Makes the tables unavailable after a change of the files: processes started later
   * would not see what is written to deleted files, and lmdb never returns from a read
   * beyond the end of a truncated one.
   * @returns true if there is a change
   */
  private rejectChange(change: string | undefined): boolean {
    if (change === undefined) return false;
    this.makeUnavailable(`the LMDB inbox at ${this.path}: ${change}`);
    this.logger.error(
      `${this.unavailableReason}. Calls are answered 503 until then.`,
    );
    return true;
  }

  /** Returns the change of the files, with what to do about it. */
  private changeOfFiles(): string | undefined {
    const [hasData, hasLock] = [DATA_FILE, LOCK_FILE].map(name =>
      existsSync(join(this.path, name)),
    );
    if (hasData && hasLock) return this.changeOfDataFile();
    if (!existsSync(this.path)) {
      return 'the folder was moved or deleted while in use. Stop the application, move the folder back or restore it, and start the application again';
    }
    return hasData
      ? `${LOCK_FILE} was deleted while in use. Restart every process that uses the folder; no event is lost`
      : DATA_FILE_CHANGE;
  }

  private changeOfDataFile(): string | undefined {
    const { nlink, size } = fstatSync(this.dataFile!);
    if (nlink === 0 || size < this.dataFileBytes) return DATA_FILE_CHANGE;
    this.dataFileBytes = size;
    return undefined;
  }

  /** Checks the free space before each write: on a full disk, lmdb may end the process. */
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
    throw createDamagedInboxError(path, 'its format is missing');
  }
  throw new XeniooInboxError(
    `the folder ${path} was written by another version of the LMDB inbox (format ${found}, this version uses ${FORMAT}). Use that version, or give \`path\` another folder`,
  );
}
