import type { XeniooEntry } from '../events/parse-entry.js';
import { dedupeId } from '../inbox/claims.js';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';
import type { Batch, LmdbFolder } from './lmdb.folder.js';
import type { ClaimKey } from './lmdb.tables.js';

/** How many ids that are too old are forgotten at a time. */
const FORGET_AT_ONCE = 1_000;

/** After so many new ids it is counted how many there are: other processes may have added some. */
const COUNT_EVERY = 1_000;

/** How many more of the oldest ids go, as a part of all, so that they need not go one by one. */
const SLACK = 0.001;

/** When ids were taken, as one could see; absent where they were not. */
export type KnownClaims = ReadonlyMap<string, number | undefined>;

/** Remembers on disk which entries were taken. What writes is to be used inside `LmdbFolder.write()`. */
export class LmdbClaims {
  /** How many ids there were when they were counted, and how many came since. */
  private counted = Infinity;
  private sinceCounted = 0;

  constructor(
    private readonly folder: LmdbFolder,
    private readonly dedupe: XeniooDedupeSettings | false,
  ) {}

  /** What is known of the ids of these entries now. */
  look(entries: readonly XeniooEntry[]): KnownClaims {
    const known = new Map<string, number | undefined>();
    if (!this.dedupe) return known;
    // What was committed since would be taken for new, and push out others.
    this.folder.refresh();
    const { claims } = this.folder.tables;
    for (const entry of entries) {
      const id = dedupeId(entry);
      if (id !== undefined) known.set(id, claims.getEntry(id)?.version);
    }
    return known;
  }

  /** Takes an entry, unless it was taken before; tells whether it is. */
  claim(
    batch: Batch,
    entry: XeniooEntry,
    known: KnownClaims,
    take: () => void,
  ): Promise<boolean> | true {
    const id = this.dedupe ? dedupeId(entry) : undefined;
    if (id === undefined) {
      take();
      return true;
    }
    const { claims, claimTimes } = this.folder.tables;
    const now = Date.now();
    const earlier = this.expired(known.get(id), now);
    return batch.when(claims, id, earlier ?? null, () => {
      if (earlier !== undefined) void claimTimes.remove([earlier, id]);
      void claims.put(id, '', now);
      void claimTimes.put([now, id], '');
      take();
    });
  }

  /** Forgets the oldest ids where so many new ones would be too many. */
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
    const tooMany = entryCount + count - maxIds;
    if (tooMany <= 0) return;
    const forgotten = this.oldest(tooMany + Math.floor(maxIds * SLACK));
    this.forget(batch, forgotten);
    this.counted -= forgotten.length;
  }

  /** Forgets some of the ids that are too old. */
  forgetExpired(batch: Batch): void {
    if (!this.dedupe) return;
    const expired = Date.now() - this.dedupe.ttlSeconds * 1_000;
    const oldest = this.oldest(FORGET_AT_ONCE);
    this.forget(
      batch,
      oldest.filter(([at]) => at <= expired),
    );
  }

  /** The time of a claim that is too old. */
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
