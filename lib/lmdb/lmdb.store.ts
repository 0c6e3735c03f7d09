import { onlyOf, type XeniooProgress } from '../handlers/xenioo.dispatch.js';
import { storeEntry } from '../inbox/stored-entry.js';
import type { XeniooReplay } from '../inbox/xenioo.dead-letter-store.js';
import type { LmdbFolder } from './lmdb.folder.js';
import type { PendingKey, RetryKey } from './lmdb.tables.js';

/** An entry that waits for its first attempt. */
export interface PendingRow {
  readonly key: PendingKey;
  readonly text: string;
}

/** An entry that waits for a handler to be tried again. */
export interface RetryRow {
  readonly key: RetryKey;
  readonly text: string;
  readonly progress: XeniooProgress;
}

/** What waits in a folder. What writes is to be used inside `LmdbFolder.write()`. */
export class LmdbStore {
  /** Each process writes under keys of its own; those of later ones are larger. */
  readonly stream: number;
  private lastNumber = 0;

  constructor(private readonly folder: LmdbFolder) {
    this.stream = folder.starts;
  }

  /** The key of what is written next. */
  nextKey(): PendingKey {
    return [this.stream, ++this.lastNumber];
  }

  addPending(key: PendingKey, text: string): void {
    void this.folder.tables.pending.put(key, text);
  }

  /** Takes away an entry that had its first attempt, and what was noted of that. */
  removePending(key: PendingKey, isNoted: boolean): void {
    const { pending, handled } = this.folder.tables;
    void pending.remove(key);
    if (isNoted) void handled.remove(key);
  }

  pendingAt(key: PendingKey): string | undefined {
    return this.folder.tables.pending.get(key);
  }

  /** What a process has written from a number on, in that order. */
  pendingOf(stream: number, from: number, limit: number): PendingRow[] {
    const start: PendingKey = [stream, from];
    const end: PendingKey = [stream, Infinity];
    const rows = this.folder.tables.pending.getRange({ start, end, limit });
    return [...rows].map(({ key, value }) => ({ key, text: value }));
  }

  /** The first of all, if anything waits. */
  get firstPending(): PendingKey | undefined {
    const [first] = this.folder.tables.pending.getKeys({ limit: 1 });
    return first;
  }

  /** Whether nothing waits that was written before a key, by this process or one that was started earlier. */
  hasNoneUntil([stream, number]: PendingKey): boolean {
    const first = this.firstPending;
    if (!first || first[0] > stream) return true;
    return first[0] === stream && first[1] > number;
  }

  /** The processes that have written what waits. */
  get streams(): number[] {
    const streams: number[] = [];
    let start: PendingKey = [0, 0];
    for (;;) {
      const [key] = this.folder.tables.pending.getKeys({ start, limit: 1 });
      if (!key) return streams;
      streams.push(key[0]);
      start = [key[0], Infinity];
    }
  }

  /** The handlers that were done in a first attempt that did not come to its end. */
  handledOf(key: PendingKey): string[] {
    const text = this.folder.tables.handled.get(key);
    return text === undefined ? [] : (JSON.parse(text) as string[]);
  }

  setHandled(key: PendingKey, handlers: readonly string[]): void {
    void this.folder.tables.handled.put(key, JSON.stringify(handlers));
  }

  addRetry(
    at: number,
    [stream, number]: PendingKey,
    row: Omit<RetryRow, 'key'>,
  ): void {
    const { text, progress } = row;
    const value = JSON.stringify({ progress, text });
    void this.folder.tables.retries.put([at, stream, number], value);
  }

  /** Makes the entries of a dead letter wait again. */
  requeue({ entries, handlers }: XeniooReplay): void {
    const progress = handlers && onlyOf(handlers);
    for (const entry of entries) {
      const text = storeEntry(entry);
      const key = this.nextKey();
      if (progress) this.addRetry(Date.now(), key, { text, progress });
      else this.addPending(key, text);
    }
  }

  removeRetry({ key }: RetryRow): void {
    void this.folder.tables.retries.remove(key);
  }

  /** Those that are due, the longest first. */
  retriesDue(now: number, limit: number): RetryRow[] {
    const end: RetryKey = [now, Infinity, Infinity];
    const rows = this.folder.tables.retries.getRange({ end, limit });
    return [...rows].map(({ key, value }) => ({
      ...(JSON.parse(value) as Omit<RetryRow, 'key'>),
      key,
    }));
  }

  /** When the next one after a time is due. */
  nextRetryAfter(now: number): number | undefined {
    const start: RetryKey = [now, Infinity, Infinity];
    const [next] = this.folder.tables.retries.getKeys({ start, limit: 1 });
    return next?.[0];
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    const [retry] = this.folder.tables.retries.getKeys({ limit: 1 });
    return this.firstPending === undefined && retry === undefined;
  }
}
