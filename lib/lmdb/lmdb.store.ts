import type { XeniooTask } from '../handlers/xenioo-task.js';
import { restoreTask } from '../inbox/stored-form.js';
import type { LmdbFolder } from './lmdb.folder.js';
import type { RetryKey, TaskKey } from './lmdb.tables.js';

/** Key in the table `meta` of the time at which the last retry was written. */
const CLOCK = 'clock';

/** A task and its row. */
export interface StoredTask {
  readonly key: TaskKey;
  /** Due time of a retry; absent for a task that waits for its first run. */
  readonly dueAt?: number;
  readonly task: XeniooTask;
}

/** A row whose task is not parsed yet. */
export interface TaskRow extends Omit<StoredTask, 'task'> {
  readonly text: string;
}

/** Reads and writes the tasks of a folder. Call the methods that write inside `LmdbFolder.write()`. */
export class LmdbStore {
  /** Last row number given by this process. */
  lastRowNumber = 0;
  private clock: SteadyClock | undefined;
  /** Oldest pending task and its time of receipt, by process number. */
  private readonly oldest = new Map<number, { number: number; at: Date }>();

  constructor(private readonly folder: LmdbFolder) {}

  /** Number of this process; its keys are larger than those of earlier processes. */
  get processNumber(): number {
    return this.folder.processNumber;
  }

  /** Time in milliseconds since 1970 that never goes back: neither when the system clock does, nor at a restart. */
  get now(): number {
    this.clock ??= new SteadyClock(this.latestTime());
    return this.clock.now();
  }

  /** Returns the key of the next row. Its number is a time in microseconds, by which the rows of several processes have an order. */
  nextKey(): TaskKey {
    const time = Math.floor(this.now * 1_000);
    this.lastRowNumber = Math.max(this.lastRowNumber + 1, time);
    return [this.processNumber, this.lastRowNumber];
  }

  addPending(key: TaskKey, text: string): void {
    void this.folder.tables.pending.put(key, text);
  }

  /** @param dueAt in milliseconds since 1970, by the clock of the machine */
  addRetry(dueAt: number, text: string): void {
    const [processNumber, number] = this.nextKey();
    // Converted to `clock`, by which `retriesDue()` compares.
    const { now } = this;
    const at = Math.max(0, Math.ceil(now + dueAt - Date.now()));
    const { retries, meta } = this.folder.tables;
    void retries.put([at, processNumber, number], text);
    void meta.put(CLOCK, String(now));
  }

  /** Adds a task that is due now. */
  addReplay(task: XeniooTask, text: string): void {
    if (task.handler === undefined) this.addPending(this.nextKey(), text);
    else this.addRetry(Date.now(), text);
  }

  remove({ key, dueAt }: Pick<StoredTask, 'key' | 'dueAt'>): void {
    const { pending, retries } = this.folder.tables;
    if (dueAt === undefined) void pending.remove(key);
    else void retries.remove([dueAt, ...key]);
  }

  pendingAt(key: TaskKey): string | undefined {
    return this.folder.tables.pending.get(key);
  }

  /** Returns keys of pending tasks that a process has written, from a row number on. */
  pendingKeys(processNumber: number, from: number, limit: number): TaskKey[] {
    const start: TaskKey = [processNumber, from];
    const end: TaskKey = [processNumber, Infinity];
    return [...this.folder.tables.pending.getKeys({ start, end, limit })];
  }

  /** Returns the row number of a process's newest pending task. */
  lastPendingOf(processNumber: number): number | undefined {
    const [key] = this.folder.tables.pending.getKeys({
      start: [processNumber, Infinity],
      end: [processNumber, 0],
      reverse: true,
      limit: 1,
    });
    return key?.[1];
  }

  /** Numbers of the processes that have written pending tasks. */
  get processNumbers(): number[] {
    const processNumbers: number[] = [];
    let start: TaskKey = [0, 0];
    for (;;) {
      const [key] = this.folder.tables.pending.getKeys({ start, limit: 1 });
      if (!key) return processNumbers;
      processNumbers.push(key[0]);
      start = [key[0], Infinity];
    }
  }

  /** Returns true when no other pending task of any process than the skipped ones has this number or an earlier one. */
  isEmptyUntil(number: number, skipped: ReadonlySet<string>): boolean {
    return this.processNumbers.every(each =>
      this.pendingKeys(each, 0, skipped.size + 1).every(
        key => key[1] > number || skipped.has(key.join()),
      ),
    );
  }

  /** Returns retries that are due, the oldest first. */
  retriesDue(limit: number): TaskRow[] {
    const end: RetryKey = [this.now, Infinity, Infinity];
    const rows = this.folder.tables.retries.getRange({ end, limit });
    return [...rows].map(({ key: [dueAt, ...key], value }) => ({
      key,
      dueAt,
      text: value,
    }));
  }

  /** Time in milliseconds until the next retry that is not due yet. */
  get nextRetryInMs(): number | undefined {
    const { now } = this;
    const start: RetryKey = [now, Infinity, Infinity];
    const [next] = this.folder.tables.retries.getKeys({ start, limit: 1 });
    return next && next[0] - now;
  }

  /** Returns true when no other task than the skipped ones is stored. */
  isEmpty(skipped: ReadonlySet<string>): boolean {
    const { pending, retries } = this.counts();
    if (pending + retries === 0) return true;
    if (pending + retries > skipped.size) return false;
    const keys = [...this.folder.tables.retries.getKeys()];
    return (
      keys.every(([, ...key]) => skipped.has(key.join())) &&
      this.isEmptyUntil(Infinity, skipped)
    );
  }

  counts(): { pending: number; retries: number; deadLetters: number } {
    const { pending, retries, letters } = this.folder.tables;
    const countOf = (table: typeof letters | typeof pending | typeof retries) =>
      (table.getStats() as { entryCount: number }).entryCount;
    return {
      pending: countOf(pending),
      retries: countOf(retries),
      deadLetters: countOf(letters),
    };
  }

  /** Returns the latest time of the system clock and of earlier processes. */
  private latestTime(): number {
    const numbers = this.processNumbers.map(each => this.lastPendingOf(each)!);
    const ofRetries = Number(this.folder.tables.meta.get(CLOCK) ?? 0);
    return Math.max(Date.now(), ofRetries, Math.max(...numbers) / 1_000);
  }

  /** Returns the time of receipt of the oldest pending task. */
  oldestPendingAt(): Date | undefined {
    let oldest: Date | undefined;
    for (const processNumber of this.processNumbers) {
      const at = this.oldestOf(processNumber);
      if (at && (!oldest || at < oldest)) oldest = at;
    }
    return oldest;
  }

  private oldestOf(processNumber: number): Date | undefined {
    const [key] = this.pendingKeys(processNumber, 0, 1);
    if (!key) return undefined;
    const known = this.oldest.get(processNumber);
    if (known?.number === key[1]) return known.at;
    try {
      const at = restoreTask(this.pendingAt(key)!).entry.receivedAt;
      this.oldest.set(processNumber, { number: key[1], at });
      return at;
    } catch {
      return undefined;
    }
  }
}

/** Clock in milliseconds since 1970 that never goes back, even when the system clock does. */
class SteadyClock {
  private tick = performance.now();

  constructor(private time: number) {}

  now(): number {
    const tick = performance.now();
    this.time = Math.max(Date.now(), this.time + tick - this.tick);
    this.tick = tick;
    return this.time;
  }
}

/** Bytes that a row takes in addition to its text: keys, and rows in other tables. */
const ROW_BYTES = 512;

/** Returns the approximate size in bytes of a row on the disk. */
export function bytesOf(text: string): number {
  return Buffer.byteLength(text) + ROW_BYTES;
}
