import { existsSync } from 'node:fs';
import { Redis, type RedisOptions } from 'ioredis';
import {
  afterEach,
  describe,
  expect,
  inject,
  it,
  onTestFinished,
  vi,
} from 'vitest';
import { Client } from 'pg';
import { describeEngine } from '../support/engines/describe-engine.js';
import type { EngineServer } from '../support/engines/engine-server.js';
import { missingEngine } from '../support/engines/find-engines.js';
import { familyOf, isAlive } from '../support/engines/process-table.js';
import { startPgbouncer } from '../support/engines/pgbouncer-server.js';
import { startPostgres } from '../support/engines/postgres-server.js';
import { startRedis } from '../support/engines/redis-server.js';

/** Time for which callers wait for a paused server. */
const ANSWER_MS = 1_000;

// Starting an engine takes long on a busy machine.
/** Stops a server when the test ends. */
async function stopAfterTest<T extends EngineServer>(
  started: Promise<T>,
): Promise<T> {
  const server = await started;
  onTestFinished(() => server.stop());
  return server;
}

function callRedis(url: string, options: RedisOptions = {}) {
  const client = new Redis(url, options);
  // The test kills its server.
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

/** Runs a statement on a connection of its own. */
async function callPostgres(url: string, text: string) {
  const client = new Client(url);
  // The test kills its server.
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Stops a server and returns its remaining processes and folder. */
async function stopAndInspect(server: EngineServer) {
  const family = familyOf(server.pid);
  await server.stop();
  return {
    processes: family.filter(isAlive),
    folder: existsSync(server.folder),
  };
}

const NOTHING = { processes: [], folder: false };

describeEngine('redis', 'startRedis()', () => {
  it('keeps acknowledged writes when the server is killed and started again', async () => {
    const server = await stopAfterTest(startRedis());
    await callRedis(server.url).set('written', 'yes');

    await server.kill();
    expect(familyOf(server.pid)).toEqual([]);
    await server.start();

    expect(await callRedis(server.url).get('written')).toBe('yes');
  });

  it('does not answer between pause and resume', async () => {
    const server = await stopAfterTest(startRedis());
    const client = callRedis(server.url, { commandTimeout: ANSWER_MS });
    await client.ping();

    await server.pause();
    await expect(client.ping()).rejects.toThrow('Command timed out');
    await server.resume();

    await expect.poll(() => client.ping().catch(() => '')).toBe('PONG');
  });

  it('applies its settings', async () => {
    const server = await stopAfterTest(
      startRedis({
        appendonly: false,
        appendfsync: 'everysec',
        maxmemory: '4mb',
        maxmemoryPolicy: 'allkeys-lru',
      }),
    );
    const client = callRedis(server.url);

    const settings = await Promise.all(
      ['appendonly', 'appendfsync', 'maxmemory', 'maxmemory-policy'].map(
        async name => (await client.config('GET', name)) as string[],
      ),
    );

    expect(settings.map(([, value]) => value)).toEqual([
      'no',
      'everysec',
      '4194304',
      'allkeys-lru',
    ]);
  });

  it('removes its processes and folder when it stops, even paused', async () => {
    const running = await stopAfterTest(startRedis());
    const paused = await stopAfterTest(startRedis());
    await paused.pause();

    expect(await stopAndInspect(running)).toEqual(NOTHING);
    expect(await stopAndInspect(paused)).toEqual(NOTHING);
  });

  it('starts the Redis that all specs share', async () => {
    expect(await callRedis(inject('redisUrl')).ping()).toBe('PONG');
  });
});

describeEngine('postgres', 'startPostgres()', () => {
  it('keeps committed rows when the server is killed and started again', async () => {
    const server = await stopAfterTest(startPostgres());
    await callPostgres(server.url, 'CREATE TABLE written AS SELECT 1 AS n');

    await server.kill();
    expect(familyOf(server.pid)).toEqual([]);
    await server.start();

    expect(await callPostgres(server.url, 'SELECT n FROM written')).toEqual([
      { n: 1 },
    ]);
  });

  it('applies its settings', async () => {
    const settings = { fsync: 'off' };
    const server = await stopAfterTest(startPostgres({ settings }));

    expect(await callPostgres(server.url, 'SHOW fsync')).toEqual([settings]);
  });

  it('removes its processes and folder when it stops, even paused', async () => {
    const server = await stopAfterTest(startPostgres());
    await server.pause();

    expect(await stopAndInspect(server)).toEqual(NOTHING);
  });
});

describeEngine('pgbouncer', 'startPgbouncer()', () => {
  it('passes statements on to PostgreSQL, and removes its processes and folder when it stops', async () => {
    const server = await stopAfterTest(startPgbouncer(inject('postgresUrl')));

    expect(await callPostgres(server.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    expect(await stopAndInspect(server)).toEqual(NOTHING);
  });
});

describe('missingEngine()', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('names the package to install', () => {
    vi.stubEnv('PATH', '');

    expect(missingEngine('redis')).toContain('apt-get install redis-server');
  });
});
