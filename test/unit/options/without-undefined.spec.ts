import { expect, it } from 'vitest';
import { withoutUndefined } from '../../../lib/options/without-undefined.js';

it('withoutUndefined() omits undefined properties and keeps all others', () => {
  const given = { a: undefined, b: null, c: 0, d: '', e: false };

  expect(Object.entries(withoutUndefined(given))).toEqual([
    ['b', null],
    ['c', 0],
    ['d', ''],
    ['e', false],
  ]);
});

it('withoutUndefined() does not change its argument', () => {
  const given = Object.freeze({ a: undefined, b: 1 });

  expect(withoutUndefined(given)).not.toBe(given);
  expect(given).toHaveProperty('a', undefined);
});
