import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Dice } from '../../../lib/simulator/dice.js';

const rolls = (dice: Dice) => Array.from({ length: 20 }, () => dice.below(100));
const anySeed = fc.oneof(fc.integer(), fc.double(), fc.maxSafeInteger());

describe('dice of a seed', () => {
  it('fall the same each time', () => {
    fc.assert(
      fc.property(anySeed, seed => {
        expect(rolls(new Dice(seed))).toEqual(rolls(new Dice(seed)));
      }),
    );
  });

  it('fall otherwise for another seed, and for another index', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(10_000), (seed, index) => {
        expect(rolls(new Dice(seed))).not.toEqual(rolls(new Dice(seed + 1)));
        expect(rolls(new Dice(seed, index))).not.toEqual(
          rolls(new Dice(seed, index + 1)),
        );
      }),
    );
  });
});

describe('any dice', () => {
  it('stay below the limit, and reach all that is below it', () => {
    fc.assert(
      fc.property(anySeed, fc.integer({ min: 1, max: 6 }), (seed, limit) => {
        const dice = new Dice(seed);
        const seen = new Set(
          Array.from({ length: 500 }, () => dice.below(limit)),
        );
        expect([...seen].toSorted()).toEqual(
          Array.from({ length: limit }, (_, face) => face),
        );
      }),
    );
  });

  it('never say yes to a share of 0, always to one of 1, and half the time to one of a half', () => {
    const dice = new Dice(7);
    const yes = (share: number) =>
      Array.from({ length: 10_000 }, () => dice.chance(share)).filter(Boolean)
        .length;

    expect(yes(0)).toBe(0);
    expect(yes(1)).toBe(10_000);
    expect(yes(0.5)).toBeGreaterThan(4_500);
    expect(yes(0.5)).toBeLessThan(5_500);
  });

  it('make no id twice', () => {
    const ids = Array.from({ length: 5_000 }, (_, index) =>
      new Dice(7, index).uuid(),
    );

    expect(new Set(ids).size).toBe(5_000);
    for (const id of ids)
      expect(id).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
  });
});
