import { hash } from 'node:crypto';
import type { XeniooEntry } from '../events/parse-entry.js';
import { dedupeId } from '../inbox/entries.js';

/** Length of a SHA-256 digest in base64url, which `eventId()` returns. */
const DIGEST_LENGTH = 43;
const WORDS = 4;
/** Number of characters per word, with 6 bits each. Four words hold 120 bits of an id, so that no two ids share all of them in practice. */
const WORD_LENGTH = 5;
const FIRST_CAPACITY = 1_024;

/** The 6 bits that each character of base64url stands for, by character code. */
const BITS = new Uint8Array(128);
const BASE64URL =
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
for (let bits = 0; bits < BASE64URL.length; bits++) {
  BITS[BASE64URL.charCodeAt(bits)] = bits;
}

/**
 * Stores the ids of accepted events, each for `ttlMs`. When `max` ids are stored, a
 * new id replaces the oldest. The ids are numbers in a ring buffer, and a hash table
 * holds their positions. With a `Map` of 100,000 strings, which changes with each
 * event, garbage collection would take longer than the rest of the work for an event.
 */
export class AcceptedIds {
  private capacity = 0;
  /** Position for the next id in the ring; it holds the oldest id once the ring is full. */
  private next = 0;
  private words = new Int32Array(0);
  /** Time at which each id was added; `NaN` at empty positions. */
  private addedAt = new Float64Array(0);
  /** Hash table with linear probing, whose hash is the first word of an id. Holds positions in the ring plus 1; 0 marks an empty slot. */
  private table = new Int32Array(1);
  private mask = 0;
  /** Words of the id that is looked up. */
  private readonly wanted = new Int32Array(WORDS);

  constructor(
    readonly max: number,
    private readonly ttlMs: number,
  ) {}

  /** Returns the entries whose ids are new, and adds those ids. An entry without a dedupe id is always new. */
  addNew(entries: readonly XeniooEntry[]): readonly XeniooEntry[] {
    const now = performance.now();
    return entries.filter(entry => {
      const id = dedupeId(entry);
      if (id === undefined) return true;
      return this.addIfNew(id, now);
    });
  }

  /** Adds an id. Returns false if it is stored already. */
  addIfNew(id: string, now = performance.now()): boolean {
    this.setWanted(id);
    const found = this.find();
    if (found !== undefined) {
      if (now - this.addedAt[found]! < this.ttlMs) return false;
      this.remove(found);
    }
    if (this.next === this.capacity) this.grow();
    const position = this.next;
    if (!isNaN(this.addedAt[position]!)) this.remove(position);
    this.words.set(this.wanted, position * WORDS);
    this.addedAt[position] = now;
    this.insert(position);
    this.next = (position + 1) % this.max;
    return true;
  }

  /** Writes the words of an id to `wanted`. Hashes an id that is not a digest, so that ids fill the table evenly. */
  private setWanted(id: string): void {
    const isDigest = id.length === DIGEST_LENGTH;
    const digest = isDigest ? id : hash('sha256', id, 'base64url');
    for (let word = 0, at = 0; word < WORDS; word++) {
      let bits = 0;
      const end = at + WORD_LENGTH;
      for (; at < end; at++) bits = (bits << 6) | BITS[digest.charCodeAt(at)]!;
      this.wanted[word] = bits;
    }
  }

  /** Returns the position of the wanted id, or `undefined` if it is not stored. */
  private find(): number | undefined {
    const { table, mask } = this;
    let at = this.wanted[0]! & mask;
    for (; table[at] !== 0; at = (at + 1) & mask) {
      const position = table[at]! - 1;
      if (this.isWanted(position)) return position;
    }
    return undefined;
  }

  private isWanted(position: number): boolean {
    const { words, wanted } = this;
    const start = position * WORDS;
    for (let word = 0; word < WORDS; word++) {
      if (words[start + word] !== wanted[word]) return false;
    }
    return true;
  }

  /** Returns the slot at which the search for an id begins. */
  private homeOf(position: number): number {
    return this.words[position * WORDS]! & this.mask;
  }

  private insert(position: number): void {
    const { table, mask } = this;
    let at = this.homeOf(position);
    while (table[at] !== 0) at = (at + 1) & mask;
    table[at] = position + 1;
  }

  /** Removes an id, and moves later ids in the table into the gap, so that `find()` still reaches them. */
  private remove(position: number): void {
    const { table, mask } = this;
    let gap = this.homeOf(position);
    while (table[gap] !== position + 1) gap = (gap + 1) & mask;
    for (let at = (gap + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const home = this.homeOf(table[at]! - 1);
      // The search for this id begins after the gap, so that it stays in its slot.
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      table[gap] = table[at]!;
      gap = at;
    }
    table[gap] = 0;
    this.addedAt[position] = NaN;
  }

  /** Doubles the ring, up to `max`, so that an application with few events needs little memory. */
  private grow(): void {
    const { words, addedAt, capacity } = this;
    this.capacity = Math.min(this.max, Math.max(FIRST_CAPACITY, capacity * 2));
    this.words = new Int32Array(this.capacity * WORDS);
    this.words.set(words);
    this.addedAt = new Float64Array(this.capacity).fill(NaN);
    this.addedAt.set(addedAt);
    this.mask = 2 ** Math.ceil(Math.log2(this.capacity * 2)) - 1;
    this.table = new Int32Array(this.mask + 1);
    for (let position = 0; position < capacity; position++) {
      if (!isNaN(addedAt[position]!)) this.insert(position);
    }
  }
}
