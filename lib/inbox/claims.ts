import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { settledWithin } from '../settled-within.js';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';
import { DroppedLog } from './dropped-log.js';
import { RecentIds } from './recent-ids.js';

/** Entries of a call that nobody took before. To be kept or released, once. */
export interface Claim {
  readonly entries: readonly XeniooEntry[];
  /** They are taken: from now on the same are duplicates. Tells which of them no other call has seized meanwhile. */
  keep(): readonly XeniooEntry[];
  /** They were not: the same may be taken when they come again. */
  release(): void;
}

/** The id under which the same entry is known when it comes again, if it can be. */
export function dedupeId(entry: XeniooEntry): string | undefined {
  return entry instanceof InvalidXeniooEntry || entry.date === undefined
    ? undefined
    : entry.id;
}

/** Remembers in the memory of this process which entries were taken. */
export class Claims {
  private readonly log = new DroppedLog();
  private readonly taken: RecentIds | undefined;
  /** Of calls that wait to be taken: what settles when they are, or are not. */
  private readonly underway = new Map<string, Promise<void>>();

  constructor(dedupe: XeniooDedupeSettings | false) {
    if (!dedupe) return;
    this.taken = new RecentIds(dedupe.maxIds, dedupe.ttlSeconds * 1_000);
  }

  /**
   * Claims and keeps at once what was not taken before. Nothing where one of the
   * entries is just being taken by another call, or where they are more than
   * can be remembered.
   */
  take(entries: readonly XeniooEntry[]): readonly XeniooEntry[] | undefined {
    const { taken } = this;
    if (!taken) return entries;
    if (entries.length > taken.max || this.twins(entries).length > 0) {
      return undefined;
    }
    return this.seize(entries);
  }

  /** The same, though another call is just taking some of them: that does without. */
  seize(entries: readonly XeniooEntry[]): readonly XeniooEntry[] {
    const { taken } = this;
    if (!taken) return entries;
    const now = performance.now();
    const fresh = entries.filter(entry => {
      const id = dedupeId(entry);
      if (id === undefined) return true;
      if (taken.has(id, now)) return false;
      taken.add(id, now);
      return true;
    });
    this.log.note(entries.length - fresh.length);
    return fresh;
  }

  /**
   * Claims what was not taken before. An entry whose twin is just being taken
   * waits for it, but no longer than `timeoutMs`; then there is no claim.
   */
  async claim(
    entries: readonly XeniooEntry[],
    timeoutMs: number,
  ): Promise<Claim | undefined> {
    const { taken } = this;
    if (!taken) return { entries, keep: () => entries, release() {} };
    const latest = performance.now() + timeoutMs;
    // Nothing is held while waiting, so that no two calls wait for each other.
    for (let twins = this.twins(entries); twins.length > 0;) {
      const left = latest - performance.now();
      if (!(await settledWithin(Promise.all(twins), left))) return undefined;
      twins = this.twins(entries);
    }
    const claimed = new Set<string>();
    const fresh = entries.filter(entry => {
      const id = dedupeId(entry);
      if (id === undefined) return true;
      if (taken.has(id) || claimed.has(id)) return false;
      return claimed.add(id);
    });
    this.log.note(entries.length - fresh.length);
    return { entries: fresh, ...this.hold(fresh, claimed) };
  }

  private twins(entries: readonly XeniooEntry[]): Promise<void>[] {
    if (this.underway.size === 0) return [];
    return entries.flatMap(entry => {
      const id = dedupeId(entry);
      const twin = id === undefined ? undefined : this.underway.get(id);
      return twin ? [twin] : [];
    });
  }

  private hold(fresh: readonly XeniooEntry[], claimed: ReadonlySet<string>) {
    let settle!: () => void;
    const settled = new Promise<void>(resolve => (settle = resolve));
    for (const id of claimed) this.underway.set(id, settled);
    const release = () => {
      for (const id of claimed) this.underway.delete(id);
      settle();
    };
    const keep = () => {
      release();
      return this.seize(fresh);
    };
    return { keep, release };
  }
}
