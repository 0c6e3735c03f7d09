import { expect, it } from 'vitest';
import { unknownNameProblems } from '../../../lib/options/unknown-name-problems.js';

it('unknownNameProblems() reports nothing for known names', () => {
  expect(
    unknownNameProblems({ secret: 'x', name: 'y' }, ['secret', 'name']),
  ).toEqual([]);
});

it('unknownNameProblems() reports each unknown name with the known ones, and no value', () => {
  const given = { secert: 'a-secret', nmae: 'y', name: 'z' };

  expect(unknownNameProblems(given, ['secret', 'name'])).toEqual([
    '`secert` is not an option here; the options are secret, name',
    '`nmae` is not an option here; the options are secret, name',
  ]);
});

it('unknownNameProblems() ignores names that are reported elsewhere', () => {
  expect(unknownNameProblems({ path: '/' }, ['secret'], ['path'])).toEqual([]);
});
