import { describe, expect, it } from 'vitest';
import { resolveLmdbInboxOptions } from '../../../lib/lmdb/lmdb.inbox-options.js';
import { optionsErrorOf } from '../../support/options-error.js';

describe('options that can work', () => {
  it('get their defaults', () => {
    expect(resolveLmdbInboxOptions({ path: 'inbox' })).toEqual({
      path: 'inbox',
      keepDeadLettersDays: 90,
    });
  });

  it('keep what they say', () => {
    const options = { path: 'inbox', keepDeadLettersDays: 7 };

    expect(resolveLmdbInboxOptions(options)).toEqual(options);
  });

  it('may be given as undefined where there is a default', () => {
    const options = { path: 'inbox', keepDeadLettersDays: undefined };

    expect(resolveLmdbInboxOptions(options).keepDeadLettersDays).toBe(90);
  });
});

describe('options that can’t', () => {
  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /object of options, got nothing/],
    ['a path alone', 'inbox', /object of options, got a string/],
    ['a list', [], /object of options, got/],
    [
      'no path',
      {},
      /`path` of lmdbInbox\(\) to be that of a folder, got nothing/,
    ],
    ['a path of spaces', { path: '  ' }, /`path` of lmdbInbox\(\)/],
    ['a path that is a number', { path: 7 }, /`path` of lmdbInbox\(\)/],
    ['0 days', { path: 'x', keepDeadLettersDays: 0 }, /`keepDeadLettersDays`/],
    ['half a day', { path: 'x', keepDeadLettersDays: 0.5 }, /`keepDeadLetters/],
    ['an unknown name', { path: 'x', pth: 'y' }, /`pth` is not an option here/],
  ])('are %s', (_, options, message) => {
    const error = optionsErrorOf(() => resolveLmdbInboxOptions(options));

    expect(error?.message).toMatch(message);
  });

  it('are told all at once', () => {
    const error = optionsErrorOf(() =>
      resolveLmdbInboxOptions({ pth: 'x', keepDeadLettersDays: -1 }),
    );

    expect(error?.problems).toHaveLength(3);
  });
});
