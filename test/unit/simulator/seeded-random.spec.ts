import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../lib/simulator/seeded-random.js';

const drawNumbers = (random: SeededRandom) =>
  Array.from({ length: 20 }, () => random.below(100));
const anySeed = fc.oneof(fc.integer(), fc.double(), fc.maxSafeInteger());

describe('SeededRandom', () => {
  it('returns the same numbers for the same seed', () => {
    fc.assert(
      fc.property(anySeed, seed => {
        expect(drawNumbers(new SeededRandom(seed))).toEqual(
          drawNumbers(new SeededRandom(seed)),
        );
      }),
    );
  });

  it('returns different numbers for another seed or index', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(10_000), (seed, index) => {
        expect(drawNumbers(new SeededRandom(seed))).not.toEqual(
          drawNumbers(new SeededRandom(seed + 1)),
        );
        expect(drawNumbers(new SeededRandom(seed, index))).not.toEqual(
          drawNumbers(new SeededRandom(seed, index + 1)),
        );
      }),
    );
  });
});

describe('SeededRandom.below(), chance() and uuid()', () => {
  it('returns every number below the limit and no other', () => {
    fc.assert(
      fc.property(anySeed, fc.integer({ min: 1, max: 6 }), (seed, limit) => {
        const random = new SeededRandom(seed);
        const seen = new Set(
          Array.from({ length: 500 }, () => random.below(limit)),
        );
        expect([...seen].toSorted()).toEqual(
          Array.from({ length: limit }, (_, face) => face),
        );
      }),
    );
  });

  it('returns true with the given probability', () => {
    const random = new SeededRandom(7);
    const yes = (share: number) =>
      Array.from({ length: 10_000 }, () => random.chance(share)).filter(Boolean)
        .length;

    expect(yes(0)).toBe(0);
    expect(yes(1)).toBe(10_000);
    expect(yes(0.5)).toBeGreaterThan(4_500);
    expect(yes(0.5)).toBeLessThan(5_500);
  });

  it('returns no UUID twice', () => {
    const ids = Array.from({ length: 5_000 }, (_, index) =>
      new SeededRandom(7, index).uuid(),
    );

    expect(new Set(ids).size).toBe(5_000);
    for (const id of ids)
      expect(id).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
  });
});
