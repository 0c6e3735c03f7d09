import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { GroupCommit } from '../inbox/group-commit.js';
import type { Batch, LmdbFolder } from './lmdb.folder.js';
import type { LmdbStore, StoredTask } from './lmdb.store.js';
import type { TaskKey } from './lmdb.tables.js';

/** Deaths of the process after which a task that ran each time becomes a dead letter. */
export const MAX_DEATHS = 3;

interface Started {
  readonly deaths: number;
  readonly isRunning: boolean;
}

/**
 * Counts how often the process died while a task ran. Nothing is written until a
 * process dies. Then the tasks that it has left are suspects: the start of each is
 * committed before it runs, so that the next death counts for those that ran.
 */
export class LmdbDeaths {
  private readonly logger = new Logger('Xenioo');
  private readonly deaths = new Map<string, number>();
  /** By process, the last number of a suspect. */
  private suspects: ReadonlyMap<number, number> | undefined;

  constructor(
    private readonly folder: LmdbFolder,
    private readonly store: LmdbStore,
    private readonly commit: GroupCommit<Batch>,
  ) {}

  /**
   * Counts the deaths of the process that handled the tasks before this one.
   * @param hasDied true when that process did not stop as it should
   */
  async count(hasDied: boolean): Promise<void> {
    this.folder.refresh();
    const { started } = this.folder.tables;
    const rows = [...started.getRange()].map(({ key, value }) => {
      const { deaths, isRunning } = JSON.parse(value) as Started;
      return { key, deaths: deaths + Number(hasDied && isRunning) };
    });
    if (hasDied) this.suspects = this.lastNumbers();
    for (const { key, deaths } of rows) {
      if (deaths > 0) this.deaths.set(key.join(), deaths);
    }
    if (rows.length === 0) return;
    try {
      await this.commit.write(() => {
        for (const { key, deaths } of rows) {
          if (deaths > 0) this.put(key, { deaths, isRunning: false });
          else void this.folder.tables.started.remove(key);
        }
      });
    } catch (error) {
      this.logger.warn(
        `Deaths of the process could not be counted: ${describeError(error).message}`,
      );
    }
  }

  /** Returns how often the process died while a task ran. */
  of({ key }: StoredTask): number {
    return this.deaths.size === 0 ? 0 : (this.deaths.get(key.join()) ?? 0);
  }

  /**
   * Commits that a task is started, if it may be one that ends the process.
   * @returns true where there is something to forget when the task has run
   */
  async noteStart(stored: StoredTask): Promise<boolean> {
    if (!this.isSuspect(stored)) return false;
    const started = { deaths: this.of(stored), isRunning: true };
    try {
      await this.commit.write(() => this.put(stored.key, started));
    } catch {
      // The disk is full: a death would not be counted.
    }
    return true;
  }

  /** Forgets a task that has run. To be called inside `LmdbFolder.write()`. */
  forget({ key }: StoredTask): void {
    void this.folder.tables.started.remove(key);
  }

  private put(key: TaskKey, started: Started): void {
    void this.folder.tables.started.put(key, JSON.stringify(started));
  }

  private isSuspect(stored: StoredTask): boolean {
    if (this.of(stored) > 0) return true;
    if (!this.suspects) return false;
    const { key, dueAt } = stored;
    const [stream, number] = key;
    const last = this.suspects.get(stream);
    if (last !== undefined && number <= last) return true;
    // Retries are written by processes that handle tasks: this one is the only one alive.
    return dueAt !== undefined && stream !== this.store.stream;
  }

  private lastNumbers(): ReadonlyMap<number, number> {
    const last = new Map<number, number>();
    for (const stream of this.store.streams) {
      const number = this.store.lastPendingOf(stream);
      if (number !== undefined) last.set(stream, number);
    }
    last.set(this.store.stream, this.store.lastNumber);
    return last;
  }
}
