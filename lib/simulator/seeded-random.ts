import { randomInt } from 'node:crypto';

/** Date of the first entry made from a seed. */
export const SEEDED_START = new Date('2024-05-01T12:00:00Z');

/** Returns a random seed. */
export function randomSeed(): number {
  return randomInt(2 ** 32);
}

/** Generates the same sequence of random numbers for the same seed. */
export class SeededRandom {
  private state: number;

  /** @param index number of the sequence, if one seed has several */
  constructor(seed: number, index = 0) {
    this.state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) + index;
    this.next();
  }

  /** Returns a whole number from 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  /** Returns true with this probability, from 0 to 1. */
  chance(probability: number): boolean {
    return this.next() < probability * 2 ** 32;
  }

  /** Returns one of the choices. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at++) bytes[at] = this.below(256);
    return bytes;
  }

  /** Returns an id in the form of a UUID. */
  uuid(): string {
    const hex = this.bytes(16).toString('hex');
    const [, ...parts] = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(hex)!;
    return parts.join('-');
  }

  /** Returns the next 32 bits of the generator Mulberry32. */
  private next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}
