import { describe, expect, it } from 'vitest';
import { kindOf, quote } from '../../../lib/options/describe-value.js';

describe('kindOf()', () => {
  it.each([
    [undefined, 'nothing'],
    [null, 'null'],
    ['', 'an empty string'],
    ['Anna', 'a string'],
    [42, 'a number'],
    [true, 'a boolean'],
    [10n, 'a bigint'],
    [() => {}, 'a function'],
    [Symbol('x'), 'a symbol'],
    [[], 'an empty list'],
    [['Anna'], 'a list'],
    [{ name: 'Anna' }, 'an object'],
  ])('describes %o as %s', (value, kind) => {
    expect(kindOf(value)).toBe(kind);
  });
});

describe('quote()', () => {
  it.each([
    ['10 mb', '"10 mb"'],
    ['', '""'],
    [-1, '-1'],
    [NaN, 'NaN'],
    [null, 'null'],
    [undefined, 'nothing'],
    [true, 'a boolean'],
    [[1], 'a list'],
  ])('quotes %o as %s', (value, quoted) => {
    expect(quote(value)).toBe(quoted);
  });
});
