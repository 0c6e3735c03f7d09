import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { resolveBullmqInboxOptions } from '../../../lib/bullmq/bullmq.inbox-options.js';
import { optionsErrorOf } from '../../support/options-error.js';

const connection = 'redis://localhost:6379';

/** Returns a sentence for each problem of the options. */
const problemsOf = (options: unknown) =>
  optionsErrorOf(() => resolveBullmqInboxOptions(options))?.problems;

describe('resolveBullmqInboxOptions()', () => {
  it('fills in defaults', () => {
    expect(resolveBullmqInboxOptions({ connection, queue: undefined })).toEqual(
      {
        connection,
        queue: 'xenioo',
        prefix: 'bull',
        worker: true,
        deadLetterRetentionDays: 90,
      },
    );
  });

  it('keeps given options', () => {
    const options = {
      connection: { host: 'db', username: 'xenioo' },
      queue: 'events.eu-1',
      prefix: '{xenioo}',
      worker: false,
      deadLetterRetentionDays: 7,
    };

    expect(resolveBullmqInboxOptions(options)).toEqual(options);
  });

  it.each<[string, unknown]>([
    ['a URL', 'redis://localhost'],
    ['a URL with TLS', 'rediss://:secret@redis.example:6380/1'],
    ['options with a URL', { url: 'redis://localhost', db: 2 }],
    ['a client', new Redis({ lazyConnect: true })],
  ])('accepts %s as connection', (_, given) => {
    expect(problemsOf({ connection: given })).toBe(undefined);
  });
});

describe('resolveBullmqInboxOptions() with invalid options', () => {
  it.each<[string, unknown, RegExp]>([
    ['a URL alone', connection, /an object of options, got a string$/],
    ['null', null, /an object of options, got null$/],
    [
      'no connection',
      {},
      /`connection` .* a URL \(redis:\/\/…\), options or a client of ioredis, got nothing$/,
    ],
    ['a connection that is a number', { connection: 6379 }, /got a number$/],
    ['a connection that is a list', { connection: [1] }, /got a list$/],
    [
      'a URL of something else',
      { connection: 'postgres://localhost/x' },
      /a URL that begins with redis:\/\/ or rediss:\/\/$/,
    ],
    [
      'options with a URL of something else',
      { connection: { url: 'http://localhost' } },
      /a URL that begins with redis:\/\/ or rediss:\/\/$/,
    ],
    [
      'a URL whose password is not escaped',
      { connection: 'redis://:p/ss@localhost' },
      /a valid URL: escape every character/,
    ],
    [
      'a URL whose database is not a number',
      { connection: 'redis://localhost/xenioo' },
      /the database is a number$/,
    ],
    [
      'a cluster',
      { connection: { isCluster: true } },
      /a single Redis, got a cluster/,
    ],
    [
      'options with a key prefix',
      { connection: { keyPrefix: 'app:' } },
      /without `keyPrefix`/,
    ],
    [
      'a client with a key prefix',
      { connection: new Redis({ lazyConnect: true, keyPrefix: 'app:' }) },
      /without `keyPrefix`/,
    ],
    [
      'a port that is no number',
      { connection: { port: 'x' } },
      /with a `port` from 1 to 65535, got "x"$/,
    ],
    [
      'a queue with a colon',
      { connection, queue: 'a:b' },
      /`queue` of bullmqInbox\(\) to be a name without spaces and colons, got "a:b"$/,
    ],
    ['an empty queue', { connection, queue: '' }, /got ""$/],
    [
      'a URL as queue',
      { connection, queue: 'redis://:hunter2@localhost' },
      /got a URL$/,
    ],
    [
      'a prefix with a space',
      { connection, prefix: 'a b' },
      /`prefix` of bullmqInbox\(\) to be a name without spaces, got "a b"$/,
    ],
    [
      'a worker that is an object',
      { connection, worker: { concurrency: 5 } },
      /`worker` of bullmqInbox\(\) to be true or false, got an object$/,
    ],
    [
      'a retention out of range',
      { connection, deadLetterRetentionDays: 0 },
      /`deadLetterRetentionDays` to be a whole number from 1 to 36500, got 0$/,
    ],
    [
      'an unknown option',
      { connection, que: 'x' },
      /`que` is not an option here; the options are connection, queue, prefix, worker, deadLetterRetentionDays$/,
    ],
  ])('rejects %s', (_, options, message) => {
    const problems = problemsOf(options);

    expect(problems).toEqual([expect.stringMatching(message)]);
    expect(problems!.join()).not.toContain('hunter2');
  });
});
