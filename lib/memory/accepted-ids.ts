import { hash } from 'node:crypto';
import type { XeniooEntry } from '../events/parse-entry.js';
import { dedupeId } from '../inbox/entries.js';

/** Length of a SHA-256 digest in base64url, which `eventId()` returns. */
const DIGEST_LENGTH = 43;
const WORDS = 4;
/** Characters of a word, of 6 bits each: 120 bits of an id are kept, which no two of 100,000 ids share. */
const WORD_LENGTH = 5;
const FIRST_CAPACITY = 1_024;

/** The 6 bits of each character of base64url, by its code. */
const BITS = new Uint8Array(128);
const BASE64URL =
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
for (let bits = 0; bits < BASE64URL.length; bits++) {
  BITS[BASE64URL.charCodeAt(bits)] = bits;
}

/**
 * Remembers the ids of accepted events for a time, and at most so many: past that,
 * it forgets the oldest. The ids are kept as numbers in a ring with a hash table
 * of their positions. In a `Map` of 100,000 strings that loses and gains one with
 * each event, garbage collection takes longer than everything else that is done
 * with the event.
 */
export class AcceptedIds {
  private capacity = 0;
  /** Position of the next id in the ring, where the oldest stands. */
  private next = 0;
  private words = new Int32Array(0);
  /** When each id was added; `NaN` at empty positions. */
  private addedAt = new Float64Array(0);
  /** Positions in the ring, counted from 1, at the slot of the id's first word or a later one; 0 in empty slots. */
  private table = new Int32Array(1);
  private mask = 0;
  private readonly wanted = new Int32Array(WORDS);

  constructor(
    readonly max: number,
    private readonly ttlMs: number,
  ) {}

  /** Returns the entries whose ids are new, and remembers those; entries without a dedupe id are always new. */
  addNew(entries: readonly XeniooEntry[]): readonly XeniooEntry[] {
    const now = performance.now();
    return entries.filter(entry => {
      const id = dedupeId(entry);
      if (id === undefined) return true;
      return this.addIfNew(id, now);
    });
  }

  /** Remembers an id, and returns false where it is remembered already. */
  addIfNew(id: string, now = performance.now()): boolean {
    this.read(id);
    const former = this.find();
    if (former !== undefined) {
      if (now - this.addedAt[former]! < this.ttlMs) return false;
      this.remove(former);
    }
    if (this.next === this.capacity) this.grow();
    const place = this.next;
    if (!isNaN(this.addedAt[place]!)) this.remove(place);
    this.words.set(this.wanted, place * WORDS);
    this.addedAt[place] = now;
    this.enter(place);
    this.next = (place + 1) % this.max;
    return true;
  }

  /** Reads an id into `wanted`. One that is not a digest is hashed first, so that ids fill the table evenly. */
  private read(id: string): void {
    const isDigest = id.length === DIGEST_LENGTH;
    const digest = isDigest ? id : hash('sha256', id, 'base64url');
    for (let word = 0, at = 0; word < WORDS; word++) {
      let bits = 0;
      const end = at + WORD_LENGTH;
      for (; at < end; at++) bits = (bits << 6) | BITS[digest.charCodeAt(at)]!;
      this.wanted[word] = bits;
    }
  }

  /** Returns the position of the id that was read, if it is there. */
  private find(): number | undefined {
    const { table, mask } = this;
    let at = this.wanted[0]! & mask;
    for (; table[at] !== 0; at = (at + 1) & mask) {
      const place = table[at]! - 1;
      if (this.isWanted(place)) return place;
    }
    return undefined;
  }

  private isWanted(place: number): boolean {
    const { words, wanted } = this;
    const start = place * WORDS;
    for (let word = 0; word < WORDS; word++) {
      if (words[start + word] !== wanted[word]) return false;
    }
    return true;
  }

  private homeOf(place: number): number {
    return this.words[place * WORDS]! & this.mask;
  }

  private enter(place: number): void {
    const { table, mask } = this;
    let at = this.homeOf(place);
    while (table[at] !== 0) at = (at + 1) & mask;
    table[at] = place + 1;
  }

  /** Moves up the positions behind the removed one, so that no gap cuts them off from their slots. */
  private remove(place: number): void {
    const { table, mask } = this;
    let gap = this.homeOf(place);
    while (table[gap] !== place + 1) gap = (gap + 1) & mask;
    for (let at = (gap + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const home = this.homeOf(table[at]! - 1);
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      table[gap] = table[at]!;
      gap = at;
    }
    table[gap] = 0;
    this.addedAt[place] = NaN;
  }

  /** Doubles the ring, up to `max`: memory follows what was accepted. */
  private grow(): void {
    const { words, addedAt, capacity } = this;
    this.capacity = Math.min(this.max, Math.max(FIRST_CAPACITY, capacity * 2));
    this.words = new Int32Array(this.capacity * WORDS);
    this.words.set(words);
    this.addedAt = new Float64Array(this.capacity).fill(NaN);
    this.addedAt.set(addedAt);
    this.mask = 2 ** Math.ceil(Math.log2(this.capacity * 2)) - 1;
    this.table = new Int32Array(this.mask + 1);
    for (let place = 0; place < capacity; place++) {
      if (!isNaN(addedAt[place]!)) this.enter(place);
    }
  }
}
