import { createPostgresBackend } from 'bullmq';
import { describe, expect, it } from 'vitest';
import {
  resolveBullmqInboxOptions,
  type BullmqInboxOptions,
} from '../../../lib/bullmq/bullmq.inbox-options.js';
import { optionsErrorOf } from '../../support/options-error.js';

const connection = 'redis://localhost:6379';

/** What is wrong with options, a sentence each. */
const problemsOf = (options: unknown) =>
  optionsErrorOf(() => resolveBullmqInboxOptions(options))?.problems;

describe('options that can work', () => {
  it('get their defaults', () => {
    expect(resolveBullmqInboxOptions({ connection })).toEqual({
      connection,
      backend: undefined,
      queue: 'xenioo',
      prefix: 'bull',
      worker: { concurrency: undefined, lockDurationMs: 30_000 },
      keepDeadLettersDays: 90,
    });
  });

  it('keep what they say', () => {
    const options = {
      connection: { host: 'db', user: 'xenioo' },
      backend: createPostgresBackend,
      queue: 'events.eu-1',
      prefix: '{xenioo}',
      worker: { concurrency: 5, lockDurationMs: 1_000 },
      keepDeadLettersDays: 7,
    };

    expect(resolveBullmqInboxOptions(options)).toEqual(options);
  });

  it('may be given as undefined where there is a default', () => {
    const options = {
      connection,
      backend: undefined,
      queue: undefined,
      prefix: undefined,
      worker: { concurrency: undefined, lockDurationMs: undefined },
      keepDeadLettersDays: undefined,
    };

    expect(resolveBullmqInboxOptions(options)).toEqual(
      resolveBullmqInboxOptions({ connection }),
    );
  });

  it.each([
    'redis://localhost',
    'rediss://:secret@redis.example:6380/1',
    'postgres://xenioo:secret@db.example/xenioo',
    'postgresql://db.example/xenioo?sslmode=require',
  ])('have a URL such as %s', url => {
    expect(problemsOf({ connection: url })).toBe(undefined);
  });

  it.each([
    [true, { concurrency: undefined, lockDurationMs: 30_000 }],
    [{ concurrency: 2 }, { concurrency: 2, lockDurationMs: 30_000 }],
    [
      { lockDurationMs: 3_600_000 },
      { concurrency: undefined, lockDurationMs: 3_600_000 },
    ],
    [false, false],
  ])('have a worker: %o', (worker, resolved) => {
    expect(resolveBullmqInboxOptions({ connection, worker }).worker).toEqual(
      resolved,
    );
  });
});

describe('when the host imports BullModule.forRoot()', () => {
  const shared = { connection: { host: 'shared' }, prefix: 'shared' };

  it('takes its connection and prefix, and nothing else', () => {
    const resolved = resolveBullmqInboxOptions({}, {
      ...shared,
      queue: 'other',
    } as never);

    expect(resolved).toMatchObject(shared);
    expect(resolved.queue).toBe('xenioo');
  });

  it('prefers what it is given itself', () => {
    const own = { connection, prefix: 'own' };

    expect(resolveBullmqInboxOptions(own, shared)).toMatchObject(own);
  });

  it('prefers nothing that is undefined', () => {
    const own = { connection: undefined, prefix: undefined };

    expect(resolveBullmqInboxOptions(own, shared)).toMatchObject(shared);
  });

  it('has its own prefix where the shared one says nothing', () => {
    const { prefix } = resolveBullmqInboxOptions(
      {},
      { connection: {}, prefix: undefined },
    );

    expect(prefix).toBe('bull');
  });
});

describe('options that can’t', () => {
  it.each<[string, unknown, RegExp]>([
    ['a URL alone', connection, /an object of options, got a string$/],
    ['a list', [], /an object of options, got an empty list$/],
    ['null', null, /an object of options, got null$/],
    [
      'no connection',
      {},
      /`connection` of bullmqInbox\(\): a URL as redis:\/\/… or postgres:\/\/…, or options; or import BullModule\.forRoot/,
    ],
    [
      'a connection that is a number',
      { connection: 6379 },
      /`connection` of bullmqInbox\(\) to be a URL or an object, got a number$/,
    ],
    ['a connection that is null', { connection: null }, /, got null$/],
    ['a connection that is a list', { connection: [1] }, /, got a list$/],
    [
      'a connection with a schema',
      { connection: { schema: 'mine' } },
      /to be without `schema`/,
    ],
    [
      'a pool',
      { connection: { totalCount: 0, query() {} } },
      /no `pg\.Pool`: give the options of the pool/,
    ],
    [
      'a backend by name',
      { connection, backend: 'postgres' },
      /`backend` of bullmqInbox\(\) to be createPostgresBackend or createRedisBackend of bullmq, got a string$/,
    ],
    [
      'an empty queue',
      { connection, queue: '' },
      /`queue` of bullmqInbox\(\) to be a name without spaces and colons, got ""$/,
    ],
    ['a queue with a colon', { connection, queue: 'a:b' }, /got "a:b"$/],
    ['a queue with a space', { connection, queue: 'a b' }, /got "a b"$/],
    ['a queue that is a number', { connection, queue: 7 }, /`queue`.*got 7$/],
    ['a queue that is null', { connection, queue: null }, /`queue`.*got null$/],
    [
      'a prefix with a space',
      { connection, prefix: 'a b' },
      /`prefix` of bullmqInbox\(\) to be a name without spaces, got "a b"$/,
    ],
    ['an empty prefix', { connection, prefix: '' }, /`prefix`/],
    [
      'a worker by name',
      { connection, worker: 'yes' },
      /`worker` of bullmqInbox\(\) to be true, false or an object of options, got a string$/,
    ],
    ['a worker that is null', { connection, worker: null }, /, got null$/],
    ['workers in a list', { connection, worker: [] }, /got an empty list$/],
    [
      'an unknown option of the worker',
      { connection, worker: { concurency: 5 } },
      /`concurency` is not an option here; known are concurrency, lockDurationMs$/,
    ],
    [
      'an unknown option',
      { connection, que: 'x' },
      /`que` is not an option here; known are connection, backend, queue, prefix, worker, keepDeadLettersDays$/,
    ],
  ])('are %s', (_, options, message) => {
    expect(problemsOf(options)).toEqual([expect.stringMatching(message)]);
  });

  it.each<[string, readonly number[], readonly unknown[]]>([
    ['keepDeadLettersDays', [1, 36_500], [0, 36_501, 0.5, '7', Number.NaN]],
    ['worker.concurrency', [1, 10_000], [0, 10_001, 1.5, '7', null]],
    ['worker.lockDurationMs', [1_000, 3_600_000], [999, 3_600_001, '30s']],
  ])('are %s out of its range', (path, inRange, outOfRange) => {
    const [name, inner] = path.split('.') as [string, string?];
    const given = (value: unknown) => ({
      connection,
      [name]: inner ? { [inner]: value } : value,
    });

    for (const value of inRange) {
      expect(problemsOf(given(value)), String(value)).toBe(undefined);
    }
    const [least, most] = inRange;
    for (const value of outOfRange) {
      expect(problemsOf(given(value)), String(value)).toEqual([
        expect.stringContaining(
          `expected \`${path}\` to be a whole number from ${least} to ${most}, got `,
        ),
      ]);
    }
  });

  it('are told all at once', () => {
    expect(
      problemsOf({ que: 'x', worker: 1, queue: '', keepDeadLettersDays: -1 }),
    ).toHaveLength(5);
  });

  it.each([
    'http://user:SeCrEt@host',
    'user:SeCrEt@host:6379',
    ' redis://:SeCrEt@host',
    'REDIS://:SeCrEt@host',
  ])('show nothing of a URL: %s', url => {
    const error = optionsErrorOf(() =>
      resolveBullmqInboxOptions({ connection: url }),
    );

    expect(error?.problems).toEqual([
      'expected `connection` of bullmqInbox() to begin with redis://, rediss://, postgres:// or postgresql://',
    ]);
  });

  it.each<[BullmqInboxOptions['connection']]>([
    ['redis://:SeC/rEt@host'],
    ['rediss://me:SeC/rEt@host:6379'],
    [{ url: 'redis://:SeC/rEt@host' }],
  ])('show nothing of a URL that can’t be read: %#', connection => {
    const error = optionsErrorOf(() =>
      resolveBullmqInboxOptions({ connection }),
    );

    expect(error?.problems).toEqual([
      'expected `connection` of bullmqInbox() to be a URL that can be read: in a password, escape what is neither letter nor digit (encodeURIComponent); the database of Redis is a number',
    ]);
  });

  it.each(['queue', 'prefix', 'backend', 'worker'])(
    'show nothing of a URL that stands in the wrong place: %s',
    name => {
      const error = optionsErrorOf(() =>
        resolveBullmqInboxOptions({ [name]: 'redis://:SeCrEt@host' }),
      );

      expect(error?.message).toContain('`connection`');
      expect(error?.message).not.toContain('SeCrEt');
    },
  );

  it('show nothing of the shared connection either', () => {
    const shared = { connection: 'SeCrEt' };
    const error = optionsErrorOf(() => resolveBullmqInboxOptions({}, shared));

    expect(error?.message).toContain('redis://');
    expect(error?.message).not.toContain('SeCrEt');
  });
});

describe('options of another engine, or of nobody', () => {
  it.each([
    [{ url: 'postgres://me:SeCrEt@p/x' }, /give a URL of PostgreSQL/],
    [{ host: 'r', keyPrefix: 'x' }, /without `keyPrefix`/],
    [{ isCluster: true, duplicate() {} }, /no cluster/],
    ['redis://r:1/abc', /database of Redis is a number/],
    ['redis://:p@SeCrEt/x@r:1', /escape what is neither/],
  ])('stop the boot: %#', (connection, message) => {
    const resolve = () => resolveBullmqInboxOptions({ connection });

    expect(resolve).toThrow(message);
    expect(resolve).not.toThrow(/SeCrEt/);
  });
});
