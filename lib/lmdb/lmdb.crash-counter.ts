import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { GroupCommit } from '../inbox/group-commit.js';
import { MAX_DEATHS } from '../inbox/record-deaths.js';
import type { Batch } from './lmdb.batch.js';
import type { LmdbFolder } from './lmdb.folder.js';
import type { LmdbStore, StoredTask } from './lmdb.store.js';
import type { TaskKey } from './lmdb.tables.js';

/** Number of counted crashes after which a task becomes a dead letter: the first death of the process is not counted. */
export const MAX_CRASHES = MAX_DEATHS - 1;

interface Started {
  readonly crashes: number;
  readonly isRunning: boolean;
}

/**
 * Counts how often the process crashed while a task ran. Nothing is written before the
 * first crash. After it, every task that the crashed process left is a suspect: its
 * start is committed before it runs, so that the next crash counts for it.
 */
export class LmdbCrashCounter {
  private readonly logger = new Logger('Xenioo');
  private readonly crashes = new Map<string, number>();
  /** Last row number of the suspects, by process number. */
  private suspects: ReadonlyMap<number, number> | undefined;

  constructor(
    private readonly folder: LmdbFolder,
    private readonly store: LmdbStore,
    private readonly commit: GroupCommit<Batch>,
  ) {}

  /**
   * Counts a crash for the tasks that were running in the previous owner of the folder.
   * @param hasCrashed true when that process did not stop cleanly
   */
  async countCrash(hasCrashed: boolean): Promise<void> {
    this.folder.refresh();
    const { started } = this.folder.tables;
    const rows = [...started.getRange()].map(({ key, value }) => {
      const { crashes, isRunning } = JSON.parse(value) as Started;
      return { key, crashes: crashes + Number(hasCrashed && isRunning) };
    });
    if (hasCrashed) this.suspects = this.lastNumbers();
    for (const { key, crashes } of rows) {
      if (crashes > 0) this.crashes.set(key.join(), crashes);
    }
    if (rows.length === 0) return;
    try {
      await this.commit.write(() => {
        for (const { key, crashes } of rows) {
          if (crashes > 0) this.put(key, { crashes, isRunning: false });
          else void this.folder.tables.started.remove(key);
        }
      });
    } catch (error) {
      this.logger.warn(
        `Counting a crash of the previous process failed; a task that ends the process may run once more: ${describeError(error).message}`,
      );
    }
  }

  /** Returns the number of crashes while a task ran. */
  countFor({ key }: StoredTask): number {
    return this.crashes.size === 0 ? 0 : (this.crashes.get(key.join()) ?? 0);
  }

  /**
   * Commits the start of a task, if it is a suspect.
   * @returns true if `clear()` must be called when the task has run
   */
  async recordStart(stored: StoredTask): Promise<boolean> {
    if (!this.isSuspect(stored)) return false;
    const started = { crashes: this.countFor(stored), isRunning: true };
    try {
      await this.commit.write(() => this.put(stored.key, started));
    } catch {
      // Runs the task all the same, though a crash would not be counted.
    }
    return true;
  }

  /** Removes the count of a task that has run. Call it inside `LmdbFolder.write()`. */
  clear({ key }: StoredTask): void {
    void this.folder.tables.started.remove(key);
  }

  private put(key: TaskKey, started: Started): void {
    void this.folder.tables.started.put(key, JSON.stringify(started));
  }

  private isSuspect(stored: StoredTask): boolean {
    if (this.countFor(stored) > 0) return true;
    if (!this.suspects) return false;
    const { key, dueAt } = stored;
    const [processNumber, number] = key;
    const last = this.suspects.get(processNumber);
    if (last !== undefined && number <= last) return true;
    // Only the owner of the folder writes retries, so an earlier owner wrote a retry of another process.
    return dueAt !== undefined && processNumber !== this.store.processNumber;
  }

  private lastNumbers(): ReadonlyMap<number, number> {
    const last = new Map<number, number>();
    for (const processNumber of this.store.processNumbers) {
      const number = this.store.lastPendingOf(processNumber);
      if (number !== undefined) last.set(processNumber, number);
    }
    last.set(this.store.processNumber, this.store.lastRowNumber);
    return last;
  }
}
