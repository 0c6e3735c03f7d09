import { expect, it } from 'vitest';
import { unknownNames } from '../../../lib/options/unknown-names.js';

it('has nothing to say about names that are known', () => {
  expect(unknownNames({ secret: 'x', name: 'y' }, ['secret', 'name'])).toEqual(
    [],
  );
});

it('says each other name, with those that are known, and no value', () => {
  const given = { secert: 'a-secret', nmae: 'y', name: 'z' };

  expect(unknownNames(given, ['secret', 'name'])).toEqual([
    '`secert` is not an option here; the options are secret, name',
    '`nmae` is not an option here; the options are secret, name',
  ]);
});

it('leaves names to those who speak of them elsewhere', () => {
  expect(unknownNames({ path: '/' }, ['secret'], ['path'])).toEqual([]);
});
