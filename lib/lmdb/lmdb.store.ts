import type { XeniooTask } from '../handlers/xenioo-task.js';
import { restoreTask } from '../inbox/stored-form.js';
import type { LmdbFolder } from './lmdb.folder.js';
import type { RetryKey, TaskKey } from './lmdb.tables.js';

/** A task and its row. */
export interface StoredTask {
  readonly key: TaskKey;
  /** When it is due; absent for a task that waits for its first run. */
  readonly dueAt?: number;
  readonly task: XeniooTask;
}

/** A task of which the row is still text. */
export interface TaskRow extends Omit<StoredTask, 'task'> {
  readonly text: string;
}

/** The tasks of a folder. Methods that write are to be called inside `LmdbFolder.write()`. */
export class LmdbStore {
  /** Numbers of this process whose call was answered 503, though their commit may follow. */
  readonly cancelled = new Set<number>();
  /** Last number of this process. */
  lastNumber = 0;
  private readonly clock = new SteadyClock();
  /** By process, the oldest pending task and when it was received. */
  private readonly oldest = new Map<number, { number: number; at: Date }>();

  constructor(private readonly folder: LmdbFolder) {}

  /** Each process writes under keys of its own; those of later ones are larger. */
  get stream(): number {
    return this.folder.stream;
  }

  get now(): number {
    return this.clock.now();
  }

  /** Returns the key of the next row. */
  nextKey(): TaskKey {
    return [this.stream, ++this.lastNumber];
  }

  addPending(key: TaskKey, text: string): void {
    void this.folder.tables.pending.put(key, text);
  }

  /** @param dueAt in milliseconds since 1970, by the clock of the machine */
  addRetry(dueAt: number, text: string): void {
    const [stream, number] = this.nextKey();
    const at = Math.max(0, Math.ceil(this.now + dueAt - Date.now()));
    void this.folder.tables.retries.put([at, stream, number], text);
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

  /** Returns keys that a process has written, from a number on, in their order. */
  pendingKeys(stream: number, from: number, limit: number): TaskKey[] {
    const start: TaskKey = [stream, from];
    const end: TaskKey = [stream, Infinity];
    return [...this.folder.tables.pending.getKeys({ start, end, limit })];
  }

  /** Returns the last number of a process among its pending tasks. */
  lastPendingOf(stream: number): number | undefined {
    const [key] = this.folder.tables.pending.getKeys({
      start: [stream, Infinity],
      end: [stream, 0],
      reverse: true,
      limit: 1,
    });
    return key?.[1];
  }

  /** The processes whose tasks are pending. */
  get streams(): number[] {
    const streams: number[] = [];
    let start: TaskKey = [0, 0];
    for (;;) {
      const [key] = this.folder.tables.pending.getKeys({ start, limit: 1 });
      if (!key) return streams;
      streams.push(key[0]);
      start = [key[0], Infinity];
    }
  }

  /** Returns true when nothing is pending that was written before a key, by this process or an earlier one. */
  isEmptyUntil([stream, number]: TaskKey): boolean {
    const [first] = this.folder.tables.pending.getKeys({ limit: 1 });
    if (!first || first[0] > stream) return true;
    return first[0] === stream && first[1] > number;
  }

  /** Returns retries that are due, the longest first. */
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

  get isEmpty(): boolean {
    const { pending, retries } = this.counts();
    return pending === 0 && retries === 0;
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

  /** Returns when the oldest pending task was received. */
  oldestPendingAt(): Date | undefined {
    let oldest: Date | undefined;
    for (const stream of this.streams) {
      const at = this.oldestOf(stream);
      if (at && (!oldest || at < oldest)) oldest = at;
    }
    return oldest;
  }

  private oldestOf(stream: number): Date | undefined {
    const [key] = this.pendingKeys(stream, 0, 1);
    if (!key) return undefined;
    const known = this.oldest.get(stream);
    if (known?.number === key[1]) return known.at;
    try {
      const at = restoreTask(this.pendingAt(key)!).entry.receivedAt;
      this.oldest.set(stream, { number: key[1], at });
      return at;
    } catch {
      return undefined;
    }
  }
}

/** Time in milliseconds since 1970 that goes on when the clock of the machine is set back. */
class SteadyClock {
  private time = Date.now();
  private tick = performance.now();

  now(): number {
    const tick = performance.now();
    this.time = Math.max(Date.now(), this.time + tick - this.tick);
    this.tick = tick;
    return this.time;
  }
}

/** Bytes that a row adds beside its text: keys, and rows of its id in other tables. */
const ROW_BYTES = 512;

/** Returns the size of a row on the disk. */
export function bytesOf(text: string): number {
  return Buffer.byteLength(text) + ROW_BYTES;
}
