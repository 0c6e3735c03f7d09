import { describe, expect, it } from 'vitest';
import {
  memoryInbox,
  type MemoryInboxOptions,
} from '../../../lib/memory/memory-inbox.factory.js';
import { MemoryInbox } from '../../../lib/memory/memory.inbox.js';
import { XENIOO_SETTINGS } from '../../../lib/options/xenioo.options.js';
import { optionsErrorOf } from '../../support/options-error.js';

const problemsOf = (options: unknown) =>
  optionsErrorOf(() => memoryInbox(options as MemoryInboxOptions))?.problems;

it.each([
  undefined,
  {},
  { maxPending: undefined, acknowledgeWithinMs: undefined },
  { maxPending: 1, acknowledgeWithinMs: 0 },
])(
  'memoryInbox() creates an inbox with the settings of the instance: %o',
  options => {
    const { inject, useFactory } = memoryInbox(options);

    expect(inject).toEqual([XENIOO_SETTINGS]);
    expect(
      useFactory({ concurrency: 1, dedupe: false, acceptTimeoutMs: 0 }),
    ).toBeInstanceOf(MemoryInbox);
  },
);

describe('memoryInbox() with invalid options', () => {
  it.each([
    ['maxPending', 1, Number.MAX_SAFE_INTEGER],
    ['acknowledgeWithinMs', 0, 2 ** 31 - 1],
  ])('rejects a value out of range for %s', (name, least, most) => {
    for (const value of [least, most]) {
      expect(problemsOf({ [name]: value })).toBeUndefined();
    }
    for (const [value, shown] of [
      [least - 1, `${least - 1}`],
      [most + 1, `${most + 1}`],
      [1.5, '1.5'],
      [NaN, 'NaN'],
      ['10', '"10"'],
      [null, 'null'],
    ]) {
      expect(problemsOf({ [name]: value })).toEqual([
        `expected \`${name}\` to be a whole number from ${least} to ${most}, got ${shown}`,
      ]);
    }
  });

  it('rejects an unknown option along with all other problems', () => {
    expect(problemsOf({ maxPendin: 5, acknowledgeWithinMs: -1 })).toEqual([
      '`maxPendin` is not an option here; the options are maxPending, acknowledgeWithinMs',
      expect.stringContaining('`acknowledgeWithinMs`'),
    ]);
  });

  it.each([
    [null, 'null'],
    [5, 'a number'],
    ['x', 'a string'],
    [[1], 'a list'],
  ])('rejects %o as options', (given, kind) => {
    expect(problemsOf(given)).toEqual([
      `expected memoryInbox() to get an object of options, got ${kind}`,
    ]);
  });
});
