import {
  createPostgresBackend,
  createRedisBackend,
  getDefaultBackendFactory,
  setDefaultBackendFactory,
} from 'bullmq';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  resolveBullmqInboxOptions,
  type BullmqInboxOptions,
} from '../../../lib/bullmq/bullmq.inbox-options.js';
import { createEngine } from '../../../lib/bullmq/create-engine.js';
import { PostgresEngine } from '../../../lib/bullmq/postgres.engine.js';
import { RedisEngine } from '../../../lib/bullmq/redis.engine.js';
import { XeniooOptionsError } from '../../../lib/xenioo.errors.js';

const engineOf = (options: BullmqInboxOptions) =>
  createEngine(resolveBullmqInboxOptions(options));

/** What BullMQ takes by itself, as long as the test runs. */
function byDefault(factory: typeof createPostgresBackend): void {
  const before = getDefaultBackendFactory();
  setDefaultBackendFactory(factory as never);
  onTestFinished(() => setDefaultBackendFactory(before));
}

describe('the engine of a URL', () => {
  it.each([
    ['redis://localhost', RedisEngine],
    ['rediss://localhost', RedisEngine],
    ['postgres://localhost', PostgresEngine],
    ['postgresql://localhost', PostgresEngine],
  ])('is that of its scheme: %s', async (connection, engine) => {
    expect(await engineOf({ connection })).toBeInstanceOf(engine);
  });

  it('is so whatever BullMQ takes by itself', async () => {
    byDefault(createPostgresBackend);

    const engine = await engineOf({ connection: 'redis://localhost' });

    expect(engine).toBeInstanceOf(RedisEngine);
  });

  it('may be named as well', async () => {
    const engine = await engineOf({
      connection: 'postgres://localhost',
      backend: createPostgresBackend,
    });

    expect(engine).toBeInstanceOf(PostgresEngine);
  });

  it.each([
    ['redis://:SeCrEt@localhost', createPostgresBackend],
    ['postgres://me:SeCrEt@localhost/x', createRedisBackend],
  ])('can’t be another one: %s', async (connection, backend) => {
    await expect(engineOf({ connection, backend })).rejects.toEqual(
      new XeniooOptionsError([
        'expected `backend` and `connection` of bullmqInbox() to be of one engine: the URL is that of another',
      ]),
    );
  });
});

describe('the engine of options', () => {
  it('is Redis', async () => {
    const engine = await engineOf({ connection: {} });

    expect(engine).toBeInstanceOf(RedisEngine);
  });

  it('is the one that is named', async () => {
    const engine = await engineOf({
      connection: {},
      backend: createPostgresBackend,
    });

    expect(engine).toBeInstanceOf(PostgresEngine);
  });

  it('is the one that the host made the default of BullMQ', async () => {
    byDefault(createPostgresBackend);

    expect(await engineOf({ connection: {} })).toBeInstanceOf(PostgresEngine);
  });

  it('is none that we don’t know', async () => {
    const backend = () => {
      throw new Error('never asked');
    };

    await expect(
      engineOf({ connection: {}, backend: backend as never }),
    ).rejects.toThrow(
      new XeniooOptionsError([
        'expected `backend` of bullmqInbox() to be createPostgresBackend or createRedisBackend of bullmq',
      ]),
    );
  });
});

describe('the name of an engine', () => {
  const lazy = new Redis({ host: 'copied', port: 7, lazyConnect: true });

  it.each<[BullmqInboxOptions, string]>([
    [{ connection: {} }, 'Redis at localhost:6379'],
    [{ connection: { host: 'r', port: 1 } }, 'Redis at r:1'],
    [{ connection: { path: '/run/redis.sock' } }, 'Redis at /run/redis.sock'],
    [{ connection: lazy }, 'Redis at copied:7'],
    [{ connection: 'redis://me:SeCrEt@r:1/2' }, 'Redis at r:1/2'],
    [{ connection: 'redis://:SeC%40rEt@r?db=2' }, 'Redis at r:6379/2'],
    [{ connection: { url: 'redis://me:SeCrEt@r:1' } }, 'Redis at r:1'],
    [
      { connection: 'postgres://me:SeCrEt@p:1/x?application_name=SeCrEt' },
      'PostgreSQL at p:1/x',
    ],
    [{ connection: 'postgresql:///x' }, 'PostgreSQL at localhost:5432/x'],
    [
      {
        connection: { host: 'p', database: 'x', password: 'SeCrEt' },
        backend: createPostgresBackend,
      },
      'PostgreSQL at p:5432/x',
    ],
    [
      {
        connection: { connectionString: 'postgres://me:SeCrEt@p/x' },
        backend: createPostgresBackend,
      },
      'PostgreSQL at p:5432/x',
    ],
  ])('tells where it is, and no user or password: %o', async (given, name) => {
    expect((await engineOf(given)).name).toBe(name);
  });
});
