import { expect, it } from 'vitest';
import { unknownNameProblems } from '../../../lib/options/unknown-name-problems.js';

it('unknownNames() reports nothing for known names', () => {
  expect(unknownNames({ secret: 'x', name: 'y' }, ['secret', 'name'])).toEqual(
    [],
  );
});

it('unknownNames() reports each unknown name with the known ones, and no value', () => {
  const given = { secert: 'a-secret', nmae: 'y', name: 'z' };

  expect(unknownNameProblems(given, ['secret', 'name'])).toEqual([
    '`secert` is not an option here; the options are secret, name',
    '`nmae` is not an option here; the options are secret, name',
  ]);
});

it('unknownNames() ignores names that are reported elsewhere', () => {
  expect(unknownNames({ path: '/' }, ['secret'], ['path'])).toEqual([]);
});
