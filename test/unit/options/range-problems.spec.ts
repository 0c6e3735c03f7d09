import { describe, expect, it } from 'vitest';
import {
  LONGEST_TIMER_MS,
  rangeProblems,
} from '../../../lib/options/range-problems.js';

const RANGES = { attempts: [1, 10], delayMs: [0, 1_000] } as const;

describe('rangeProblems()', () => {
  it.each([
    { attempts: 1, delayMs: 0 },
    { attempts: 10, delayMs: 1_000 },
  ])('accepts both ends of a range: %o', given => {
    expect(rangeProblems(given, RANGES)).toEqual([]);
  });

  it.each([
    [0, '0'],
    [11, '11'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    ['5', '"5"'],
    [undefined, 'nothing'],
    [null, 'null'],
    [5n, 'a bigint'],
    [new Number(5), 'an object'],
  ])('rejects %o', (attempts, shown) => {
    expect(rangeProblems({ attempts, delayMs: 0 }, RANGES)).toEqual([
      `expected \`attempts\` to be a whole number from 1 to 10, got ${shown}`,
    ]);
  });

  it('reports the option under its full name', () => {
    expect(
      rangeProblems({ attempts: 5, delayMs: -1 }, RANGES, 'retry.'),
    ).toEqual([
      'expected `retry.delayMs` to be a whole number from 0 to 1000, got -1',
    ]);
  });
});

it('rangeProblems() reports every option that is out of its range, and no other', () => {
  const given = { attempts: 0, delayMs: -1, unheardOf: -5 };

  expect(rangeProblems(given, RANGES)).toHaveLength(2);
});

it('LONGEST_TIMER_MS is the longest delay that setTimeout() accepts', async () => {
  const warned: unknown[] = [];
  const warn = (warning: Error) => warned.push(warning.name);
  process.on('warning', warn);
  for (const ms of [LONGEST_TIMER_MS, LONGEST_TIMER_MS + 1]) {
    clearTimeout(setTimeout(() => {}, ms));
  }
  await new Promise(setImmediate);
  process.off('warning', warn);

  expect(warned).toEqual(['TimeoutOverflowWarning']);
});
