import { expect, it } from 'vitest';
import { unknownNameProblems } from '../../../lib/options/unknown-name-problems.js';

it('has nothing to say about names that are known', () => {
  expect(
    unknownNameProblems({ secret: 'x', name: 'y' }, ['secret', 'name']),
  ).toEqual([]);
});

it('says each other name, with those that are known, and no value', () => {
  const given = { secert: 'a-secret', nmae: 'y', name: 'z' };

  expect(unknownNameProblems(given, ['secret', 'name'])).toEqual([
    '`secert` is not an option here; the options are secret, name',
    '`nmae` is not an option here; the options are secret, name',
  ]);
});

it('leaves names to those who speak of them elsewhere', () => {
  expect(unknownNameProblems({ path: '/' }, ['secret'], ['path'])).toEqual([]);
});
