import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_NESTING, freezeEntry } from '../../../lib/events/freeze-entry.js';
import { isDeepFrozen } from '../../support/is-deep-frozen.js';

/** A list in a list in an object …, so many levels in all. */
function nested(levels: number): unknown {
  const pairs = Math.floor(levels / 2);
  const core = levels % 2 === 1 ? '[]' : '1';
  return JSON.parse(`${'[{"a":'.repeat(pairs)}${core}${'}]'.repeat(pairs)}`);
}

it('freezes any JSON value through and through, and changes nothing in it', () => {
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

it('freezes what hangs on a __proto__ of the entry, and no prototype', () => {
  const entry = JSON.parse('{"__proto__":{"isAdmin":true}}') as object;

  expect(freezeEntry(entry)).toBe(true);
  expect(isDeepFrozen(entry)).toBe(true);
  expect(Object.isFrozen(Object.prototype)).toBe(false);
});

describe('nesting', () => {
  it('may have 100 levels', () => {
    const entry = nested(MAX_NESTING);

    expect(freezeEntry(entry)).toBe(true);
    expect(isDeepFrozen(entry)).toBe(true);
  });

  it('may not have one more', () => {
    expect(freezeEntry(nested(MAX_NESTING + 1))).toBe(false);
    expect(freezeEntry([1, { a: nested(MAX_NESTING - 1) }])).toBe(false);
  });

  it('of any depth overflows nothing', () => {
    expect(freezeEntry(nested(200_000))).toBe(false);
  });

  it('does not count what stands side by side', () => {
    expect(freezeEntry(Array.from({ length: 10_000 }, () => [{}]))).toBe(true);
  });
});
