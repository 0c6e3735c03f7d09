import type { XeniooEntry } from '../events/parse-entry.js';
import { restoreEntry } from '../inbox/stored-entry.js';
import type { LmdbStore, RetryRow } from './lmdb.store.js';
import type { PendingKey } from './lmdb.tables.js';

/** An entry of which a handler is to be tried again now. */
export interface LoadedRetry {
  readonly row: RetryRow;
  readonly key: PendingKey;
  readonly entry: XeniooEntry;
}

/** How many are read at a time, when no more than as many are left of those before. */
const READ_AT_ONCE = 64;

/** Reads what is due again, so much at a time that memory stays small. */
export class LmdbRetries {
  /** Those that are in memory, by their keys. */
  private readonly loaded = new Set<string>();

  constructor(
    private readonly store: LmdbStore,
    private readonly onUnreadable: (key: PendingKey, error: unknown) => void,
  ) {}

  /** What is due and was not loaded before. */
  *load(now: number): Generator<LoadedRetry> {
    if (this.loaded.size > READ_AT_ONCE) return;
    for (const row of this.store.retriesDue(now, 2 * READ_AT_ONCE)) {
      const [, stream, number] = row.key;
      const name = row.key.join();
      if (this.loaded.has(name)) continue;
      this.loaded.add(name);
      try {
        const entry = restoreEntry(row.text);
        yield { row, key: [stream, number], entry };
      } catch (error) {
        this.onUnreadable([stream, number], error);
      }
    }
  }

  /** One was tried, and that is on record. */
  leave({ row }: LoadedRetry): void {
    this.loaded.delete(row.key.join());
  }
}
