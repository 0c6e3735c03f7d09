import { describe, expect, it } from 'vitest';
import {
  dedupeProblems,
  resolveDedupe,
} from '../../../lib/options/xenioo-dedupe.js';

const DEFAULTS = { ttlSeconds: 86_400, maxIds: 100_000 };

describe('what is given', () => {
  it.each<[Parameters<typeof resolveDedupe>[0], unknown]>([
    [undefined, DEFAULTS],
    [{}, DEFAULTS],
    [{ ttlSeconds: undefined, maxIds: undefined }, DEFAULTS],
    [{ ttlSeconds: 60 }, { ...DEFAULTS, ttlSeconds: 60 }],
    [{ maxIds: 5 }, { ...DEFAULTS, maxIds: 5 }],
    [false, false],
  ])('takes the place of a default: %o', (given, resolved) => {
    expect(dedupeProblems(given)).toEqual([]);
    expect(resolveDedupe(given)).toEqual(resolved);
  });
});

describe('what can’t be', () => {
  it.each([
    [true, 'a boolean'],
    [null, 'null'],
    ['1h', 'a string'],
    [60, 'a number'],
    [[60], 'a list'],
  ])('is told of, as %o', (given, kind) => {
    expect(dedupeProblems(given)).toEqual([
      `expected \`dedupe\` to be an object of options or false, got ${kind}`,
    ]);
  });

  it.each([
    [
      { ttlSeconds: 0 },
      'expected `dedupe.ttlSeconds` to be a whole number from 1 to 315360000, got 0',
    ],
    [
      { ttlSeconds: '1h' },
      'expected `dedupe.ttlSeconds` to be a whole number from 1 to 315360000, got "1h"',
    ],
    [
      { maxIds: 10_000_001 },
      'expected `dedupe.maxIds` to be a whole number from 1 to 10000000, got 10000001',
    ],
    [
      { ttl: 60 },
      '`ttl` is not an option here; the options are ttlSeconds, maxIds',
    ],
  ])('is told of, as %o', (given, problem) => {
    expect(dedupeProblems(given)).toEqual([problem]);
  });

  it('is told of together', () => {
    expect(dedupeProblems({ ttlSeconds: 0, maxIds: 0, ttl: 1 })).toHaveLength(
      3,
    );
  });
});
