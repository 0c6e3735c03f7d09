import { describe, expect, it } from 'vitest';
import { assertDefinition } from '../../../lib/options/assert-definition.js';
import { optionsErrorOf } from '../../support/options-error.js';

function problemsOf(given: unknown, form: 'sync' | 'async' = 'sync') {
  return optionsErrorOf(() => assertDefinition(given, form))?.problems ?? [];
}

const textMatching = (pattern: RegExp): string =>
  expect.stringMatching(pattern) as string;

const useFactory = () => ({ secret: 'Sesame' });

describe('assertDefinition()', () => {
  it.each([
    ['nothing', {}],
    ['undefined for everything', { path: undefined, inbox: undefined }],
    ['a path', { path: 'hooks/xenioo' }],
    ['a path with slashes around', { path: '/hooks/account-1/' }],
    ['the root', { path: '' }],
    ['a global module', { isGlobal: true }],
    ['decorators', { decorators: [() => {}] }],
    ['an inbox', { inbox: { inject: ['A'], useFactory } }],
  ])('accepts %s', (_what, given) => {
    expect(problemsOf(given)).toEqual([]);
    expect(problemsOf({ useFactory, ...given }, 'async')).toEqual([]);
  });

  it.each([
    [
      { path: 'https://example.org/xenioo' },
      `expected \`path\` to be a plain path such as 'xenioo/webhook', without parameters, wildcards or escapes, got "https://example.org/xenioo"`,
    ],
    [{ path: 'my hook' }, textMatching(/`path`.*got "my hook"/)],
    [{ path: 'hook?a=1' }, textMatching(/`path`/)],
    [{ path: 'hook#top' }, textMatching(/`path`/)],
    [{ path: 7 }, textMatching(/`path`.*got 7/)],
    [{ path: ['a', 'b'] }, textMatching(/`path`.*got a list/)],
    [{ isGlobal: 'yes' }, 'expected `isGlobal` to be true or false, got "yes"'],
    [
      { decorators: () => {} },
      'expected `decorators` to be a list of decorators such as [Public()], got a function',
    ],
    [{ decorators: ['Public'] }, textMatching(/`decorators`.*got a list/)],
    [{ decorators: null }, textMatching(/`decorators`.*got null/)],
    [
      { inbox: class Inbox {} },
      'expected `inbox` to be { inject?, useFactory }, got a function',
    ],
    [{ inbox: { useClass: class {} } }, textMatching(/`inbox`.*got an object/)],
    [{ inbox: null }, textMatching(/`inbox`.*got null/)],
  ] as [object, string][])('rejects %o', (given, problem) => {
    expect(problemsOf(given)).toEqual([problem]);
    expect(problemsOf({ useFactory, ...given }, 'async')).toEqual([problem]);
  });

  it('reports all problems at once', () => {
    expect(problemsOf({ path: 1, isGlobal: 1, decorators: 1 })).toHaveLength(3);
  });
});

it.each([
  [undefined, 'nothing'],
  [null, 'null'],
  ['Sesame', 'a string'],
  [[{ secret: 'Sesame' }], 'a list'],
])('assertDefinition() rejects %o as options', (given, kind) => {
  const problems = [`expected an object of options, got ${kind}`];

  expect(problemsOf(given)).toEqual(problems);
  expect(problemsOf(given, 'async')).toEqual(problems);
});

describe('assertDefinition() of async options', () => {
  it.each([
    [{ useFactory, inject: ['CONFIG'], imports: [] }],
    [{ useClass: class {} }],
    [{ useExisting: class {}, useClass: undefined }],
  ])('accepts %o', given => {
    expect(problemsOf(given, 'async')).toEqual([]);
  });

  it('requires exactly one factory', () => {
    expect(problemsOf({ path: 'hook' }, 'async')).toEqual([
      'expected exactly one of useFactory, useClass, useExisting, got none',
    ]);
    expect(problemsOf({ useFactory, useClass: class {} }, 'async')).toEqual([
      'expected exactly one of useFactory, useClass, useExisting, got useFactory and useClass',
    ]);
  });

  it.each([
    [
      { useFactory: { secret: 'Sesame' } },
      'expected `useFactory` to be a function, got an object',
    ],
    [{ useClass: 'Config' }, 'expected `useClass` to be a class, got a string'],
    [{ useExisting: null }, 'expected `useExisting` to be a class, got null'],
  ])('rejects %o', (given, problem) => {
    expect(problemsOf(given, 'async')).toEqual([problem]);
  });

  it('rejects options that belong in the result of the factory', () => {
    expect(problemsOf({ useFactory, secret: 'Sesame' }, 'async')).toEqual([
      expect.stringMatching(
        /^`secret` is not an option here; the options are /,
      ),
    ]);
  });
});
