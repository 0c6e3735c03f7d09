import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_NESTING, freezeEntry } from '../../../lib/events/freeze-entry.js';
import { isDeepFrozen } from '../../support/is-deep-frozen.js';

/** Returns lists and objects nested alternately to the given number of levels. */
function createNested(levels: number): unknown {
  const pairs = Math.floor(levels / 2);
  const core = levels % 2 === 1 ? '[]' : '1';
  return JSON.parse(`${'[{"a":'.repeat(pairs)}${core}${'}]'.repeat(pairs)}`);
}

it('freezeEntry() deeply freezes any JSON value and does not change it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), json => {
      const value: unknown = JSON.parse(json);

      expect(freezeEntry(value)).toBe(true);
      expect(isDeepFrozen(value)).toBe(true);
      expect(value).toEqual(JSON.parse(json));
    }),
    { numRuns: 300 },
  );
});

it('freezeEntry() freezes an own __proto__ property and no prototype', () => {
  const entry = JSON.parse('{"__proto__":{"isAdmin":true}}') as object;

  expect(freezeEntry(entry)).toBe(true);
  expect(isDeepFrozen(entry)).toBe(true);
  expect(Object.isFrozen(Object.prototype)).toBe(false);
});

describe('freezeEntry() on a nested entry', () => {
  it('accepts 100 levels', () => {
    const entry = createNested(MAX_NESTING);

    expect(freezeEntry(entry)).toBe(true);
    expect(isDeepFrozen(entry)).toBe(true);
  });

  it('rejects 101 levels', () => {
    expect(freezeEntry(createNested(MAX_NESTING + 1))).toBe(false);
    expect(freezeEntry([1, { a: createNested(MAX_NESTING - 1) }])).toBe(false);
  });

  it('does not overflow the stack at any depth', () => {
    expect(freezeEntry(createNested(200_000))).toBe(false);
  });

  it('does not count siblings', () => {
    expect(freezeEntry(Array.from({ length: 10_000 }, () => [{}]))).toBe(true);
  });
});
