import type { XeniooEntry } from '../events/parse-entry.js';
import { dedupeId } from '../inbox/entries.js';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';
import type { Batch } from './lmdb.batch.js';
import type { LmdbFolder } from './lmdb.folder.js';
import type { ClaimKey } from './lmdb.tables.js';

/** Upper bound of the expired ids removed at a time. */
const MAX_REMOVED = 1_000;

/** Number of new ids after which all are counted again, since other processes add some too. */
const RECOUNT_AFTER = 1_000;

/** Fraction of `maxIds` that is removed in addition, so that ids are not removed one by one. */
const EXTRA_REMOVED = 0.001;

/** Times of acceptance by id, as read before the commit. */
export type KnownClaims = ReadonlyMap<string, number | undefined>;

/** Stores the ids of accepted events. Call the methods with a batch inside `LmdbFolder.write()`. */
export class LmdbClaims {
  /** Number of ids at the last count, and of those added since. */
  private lastCount = Infinity;
  private addedSinceCount = 0;

  constructor(
    private readonly folder: LmdbFolder,
    private readonly dedupe: XeniooDedupeSettings | false,
  ) {}

  /** Reads the times at which these entries were accepted before. */
  findKnown(entries: readonly XeniooEntry[]): KnownClaims {
    const known = new Map<string, number | undefined>();
    if (!this.dedupe) return known;
    // A stale read would count known ids as new and remove others for them.
    this.folder.refresh();
    const { claims } = this.folder.tables;
    for (const entry of entries) {
      const id = dedupeId(entry);
      if (id !== undefined) known.set(id, claims.getEntry(id)?.version);
    }
    return known;
  }

  /** Claims the id of an entry and calls `write`, unless it was accepted before; resolves to true if it called `write`. */
  claimNow(
    batch: Batch,
    entry: XeniooEntry,
    known: KnownClaims,
    write: () => void,
  ): Promise<boolean> {
    const id = this.dedupe ? dedupeId(entry) : undefined;
    if (id === undefined) {
      write();
      return Promise.resolve(true);
    }
    const { claims, claimTimes } = this.folder.tables;
    const claim: ClaimKey = [Date.now(), id];
    const earlier = this.expiredTime(known.get(id), claim[0]);
    return batch.when(claims, id, earlier ?? null, () => {
      if (earlier !== undefined) void claimTimes.remove([earlier, id]);
      void claims.put(id, '', claim[0]);
      void claimTimes.put(claim, '');
      write();
    });
  }

  /** Removes the oldest ids if the new ones exceed `maxIds`. */
  removeExcess(batch: Batch, known: KnownClaims): void {
    const count = [...known.values()].filter(at => at === undefined).length;
    if (!this.dedupe || count === 0) return;
    const { maxIds } = this.dedupe;
    this.addedSinceCount += count;
    const isDue = this.addedSinceCount > RECOUNT_AFTER;
    if (!isDue && this.lastCount + this.addedSinceCount <= maxIds) return;
    const { claims } = this.folder.tables;
    const { entryCount } = claims.getStats() as { entryCount: number };
    this.lastCount = entryCount;
    this.addedSinceCount = count;
    const excess = entryCount + count - maxIds;
    if (excess <= 0) return;
    const removed = this.oldest(excess + Math.floor(maxIds * EXTRA_REMOVED));
    this.remove(batch, removed);
    this.lastCount -= removed.length;
  }

  /** Removes expired ids, a limited number at a time. */
  removeExpired(batch: Batch): void {
    if (!this.dedupe) return;
    const latest = Date.now() - this.dedupe.ttlSeconds * 1_000;
    const oldest = this.oldest(MAX_REMOVED);
    this.remove(
      batch,
      oldest.filter(([at]) => at <= latest),
    );
  }

  /** Returns the time of a claim if it has expired. */
  private expiredTime(at: number | undefined, now: number): number | undefined {
    const { ttlSeconds } = this.dedupe as XeniooDedupeSettings;
    return at !== undefined && at <= now - ttlSeconds * 1_000 ? at : undefined;
  }

  private oldest(limit: number): ClaimKey[] {
    return [...this.folder.tables.claimTimes.getKeys({ limit })];
  }

  private remove(batch: Batch, keys: readonly ClaimKey[]): void {
    const { claims, claimTimes } = this.folder.tables;
    for (const key of keys) {
      const [at, id] = key;
      void claimTimes.remove(key);
      void batch.when(claims, id, at, () => void claims.remove(id));
    }
  }
}
