import { describe, expect, it } from 'vitest';
import { resolveLmdbInboxOptions } from '../../../lib/lmdb/lmdb.inbox-options.js';
import { optionsErrorOf } from '../../support/options-error.js';

describe('resolveLmdbInboxOptions()', () => {
  it('fills in defaults', () => {
    expect(resolveLmdbInboxOptions({ path: 'inbox' })).toEqual({
      path: 'inbox',
      deadLetterRetentionDays: 90,
    });
  });

  it('keeps given options', () => {
    const options = { path: 'inbox', deadLetterRetentionDays: 7 };

    expect(resolveLmdbInboxOptions(options)).toEqual(options);
  });

  it('treats undefined as not given', () => {
    const options = { path: 'inbox', deadLetterRetentionDays: undefined };

    expect(resolveLmdbInboxOptions(options).deadLetterRetentionDays).toBe(90);
  });
});

describe('resolveLmdbInboxOptions() with invalid options', () => {
  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /object of options, got nothing/],
    ['a path alone', 'inbox', /object of options, got a string/],
    ['a list', [], /object of options, got/],
    [
      'no path',
      {},
      /`path` of lmdbInbox\(\) to be the path of a folder, got nothing/,
    ],
    ['a path of spaces', { path: '  ' }, /`path` of lmdbInbox\(\)/],
    ['a path that is a number', { path: 7 }, /`path` of lmdbInbox\(\)/],
    [
      '0 days',
      { path: 'x', deadLetterRetentionDays: 0 },
      /`deadLetterRetentionDays`/,
    ],
    [
      'half a day',
      { path: 'x', deadLetterRetentionDays: 0.5 },
      /`deadLetterRetention/,
    ],
    ['an unknown name', { path: 'x', pth: 'y' }, /`pth` is not an option here/],
  ])('rejects %s', (_, options, message) => {
    const error = optionsErrorOf(() => resolveLmdbInboxOptions(options));

    expect(error?.message).toMatch(message);
  });

  it('reports all problems at once', () => {
    const error = optionsErrorOf(() =>
      resolveLmdbInboxOptions({ pth: 'x', deadLetterRetentionDays: -1 }),
    );

    expect(error?.problems).toHaveLength(3);
  });
});
