import { expect, it } from 'vitest';
import { withoutUndefined } from '../../../lib/options/without-undefined.js';

it('leaves out what is undefined, and nothing else', () => {
  const given = { a: undefined, b: null, c: 0, d: '', e: false };

  expect(Object.entries(withoutUndefined(given))).toEqual([
    ['b', null],
    ['c', 0],
    ['d', ''],
    ['e', false],
  ]);
});

it('does not change what it is given', () => {
  const given = Object.freeze({ a: undefined, b: 1 });

  expect(withoutUndefined(given)).not.toBe(given);
  expect(given).toHaveProperty('a', undefined);
});
