import { describe, expect, it } from 'vitest';
import {
  dedupeProblems,
  resolveDedupe,
} from '../../../lib/options/xenioo-dedupe.js';

const DEFAULTS = { ttlSeconds: 86_400, maxIds: 100_000 };

describe('resolveDedupe()', () => {
  it.each<[Parameters<typeof resolveDedupe>[0], unknown]>([
    [undefined, DEFAULTS],
    [{}, DEFAULTS],
    [{ ttlSeconds: undefined, maxIds: undefined }, DEFAULTS],
    [{ ttlSeconds: 60 }, { ...DEFAULTS, ttlSeconds: 60 }],
    [{ maxIds: 5 }, { ...DEFAULTS, maxIds: 5 }],
    [false, false],
  ])('overrides defaults with %o', (given, resolved) => {
    expect(dedupeProblems(given)).toEqual([]);
    expect(resolveDedupe(given)).toEqual(resolved);
  });
});

describe('dedupeProblems()', () => {
  it.each([
    [true, 'a boolean'],
    [null, 'null'],
    ['1h', 'a string'],
    [60, 'a number'],
    [[60], 'a list'],
  ])('rejects %o, which is not an object', (given, kind) => {
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
  ])('rejects %o', (given, problem) => {
    expect(dedupeProblems(given)).toEqual([problem]);
  });

  it('reports all problems at once', () => {
    expect(dedupeProblems({ ttlSeconds: 0, maxIds: 0, ttl: 1 })).toHaveLength(
      3,
    );
  });
});
