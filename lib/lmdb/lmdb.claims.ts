import type { XeniooEntry } from '../events/parse-entry.js';
import { dedupeId } from '../inbox/entries.js';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';
import type { Batch, LmdbFolder } from './lmdb.folder.js';
import type { ClaimKey } from './lmdb.tables.js';

/** Expired ids that are removed at a time. */
const REMOVED_AT_ONCE = 1_000;

/** New ids after which all are counted again: other processes add some too. */
const COUNT_EVERY = 1_000;

/** Oldest ids that are removed beyond the limit, as a part of it, so that they are not removed one by one. */
const SLACK = 0.001;

/** When ids were accepted, as far as that was visible before the commit. */
export type KnownClaims = ReadonlyMap<string, number | undefined>;

/** A row of an accepted id; absent where an entry has none. */
export type Claim = ClaimKey | undefined;

/** Remembers accepted ids on disk. Methods with a batch are to be called inside `LmdbFolder.write()`. */
export class LmdbClaims {
  /** Ids at the last count, and new ones since. */
  private counted = Infinity;
  private sinceCounted = 0;

  constructor(
    private readonly folder: LmdbFolder,
    private readonly dedupe: XeniooDedupeSettings | false,
  ) {}

  /** Looks up the ids of these entries. */
  look(entries: readonly XeniooEntry[]): KnownClaims {
    const known = new Map<string, number | undefined>();
    if (!this.dedupe) return known;
    // Ids that were committed since would be counted as new, and push out others.
    this.folder.refresh();
    const { claims } = this.folder.tables;
    for (const entry of entries) {
      const id = dedupeId(entry);
      if (id !== undefined) known.set(id, claims.getEntry(id)?.version);
    }
    return known;
  }

  /** Calls `write` unless the entry was accepted before; resolves to whether it did. */
  claimNow(
    batch: Batch,
    entry: XeniooEntry,
    known: KnownClaims,
    write: () => void,
  ): { claim: Claim; isNew: Promise<boolean> } {
    const id = this.dedupe ? dedupeId(entry) : undefined;
    if (id === undefined) {
      write();
      return { claim: undefined, isNew: Promise.resolve(true) };
    }
    const { claims, claimTimes } = this.folder.tables;
    const claim: ClaimKey = [Date.now(), id];
    const earlier = this.expired(known.get(id), claim[0]);
    const isNew = batch.when(claims, id, earlier ?? null, () => {
      if (earlier !== undefined) void claimTimes.remove([earlier, id]);
      void claims.put(id, '', claim[0]);
      void claimTimes.put(claim, '');
      write();
    });
    return { claim, isNew };
  }

  /** Forgets an id that was claimed by a call that is answered 503. */
  release(claim: Claim): void {
    if (!claim) return;
    void this.folder.tables.claims.remove(claim[1]);
    void this.folder.tables.claimTimes.remove(claim);
  }

  /** Forgets the oldest ids where new ones would exceed the limit. */
  makeRoom(batch: Batch, known: KnownClaims): void {
    const count = [...known.values()].filter(at => at === undefined).length;
    if (!this.dedupe || count === 0) return;
    const { maxIds } = this.dedupe;
    this.sinceCounted += count;
    const isDue = this.sinceCounted > COUNT_EVERY;
    if (!isDue && this.counted + this.sinceCounted <= maxIds) return;
    const { claims } = this.folder.tables;
    const { entryCount } = claims.getStats() as { entryCount: number };
    this.counted = entryCount;
    this.sinceCounted = count;
    const excess = entryCount + count - maxIds;
    if (excess <= 0) return;
    const forgotten = this.oldest(excess + Math.floor(maxIds * SLACK));
    this.forget(batch, forgotten);
    this.counted -= forgotten.length;
  }

  /** Forgets some of the expired ids. */
  forgetExpired(batch: Batch): void {
    if (!this.dedupe) return;
    const latest = Date.now() - this.dedupe.ttlSeconds * 1_000;
    const oldest = this.oldest(REMOVED_AT_ONCE);
    this.forget(
      batch,
      oldest.filter(([at]) => at <= latest),
    );
  }

  /** Returns the time of an expired claim. */
  private expired(at: number | undefined, now: number): number | undefined {
    const { ttlSeconds } = this.dedupe as XeniooDedupeSettings;
    return at !== undefined && at <= now - ttlSeconds * 1_000 ? at : undefined;
  }

  private oldest(limit: number): ClaimKey[] {
    return [...this.folder.tables.claimTimes.getKeys({ limit })];
  }

  private forget(batch: Batch, keys: readonly ClaimKey[]): void {
    const { claims, claimTimes } = this.folder.tables;
    for (const key of keys) {
      const [at, id] = key;
      void claimTimes.remove(key);
      void batch.when(claims, id, at, () => void claims.remove(id));
    }
  }
}
