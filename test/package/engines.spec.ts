import { existsSync } from 'node:fs';
import { Redis, type RedisOptions } from 'ioredis';
import { Client } from 'pg';
import {
  afterEach,
  describe,
  expect,
  inject,
  it,
  onTestFinished,
  vi,
} from 'vitest';
import { createDatabase } from '../support/engines/create-database.js';
import { describeEngine } from '../support/engines/describe-engine.js';
import type { EngineServer } from '../support/engines/engine-server.js';
import { missingEngine } from '../support/engines/find-engines.js';
import { startPostgres } from '../support/engines/postgres-server.js';
import { familyOf, isAlive } from '../support/engines/process-table.js';
import { startRedis } from '../support/engines/redis-server.js';

/** How long callers wait for a server that is silent. */
const ANSWER_MS = 1_000;

// A busy machine takes its time to start an engine.
vi.setConfig({ testTimeout: 60_000 });

/** Stops a server when the test ends. */
async function own<T extends EngineServer>(started: Promise<T>): Promise<T> {
  const server = await started;
  onTestFinished(() => server.stop());
  return server;
}

function callRedis(url: string, options: RedisOptions = {}) {
  const client = new Redis(url, options);
  // Its server is killed.
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

async function callPostgres(url: string) {
  const client = new Client({ connectionString: url });
  // Its server is killed.
  client.on('error', () => {});
  onTestFinished(() => client.end().catch(() => {}));
  await client.connect();
  return client;
}

/** Stops a server and tells what it leaves. */
async function whatIsLeft(server: EngineServer) {
  const family = familyOf(server.pid);
  await server.stop();
  return {
    processes: family.filter(isAlive),
    folder: existsSync(server.folder),
  };
}

const NOTHING = { processes: [], folder: false };

describeEngine('redis', 'a Redis of a test', () => {
  it('keeps what it answered when it is killed and started again', async () => {
    const server = await own(startRedis());
    await callRedis(server.url).set('written', 'yes');

    await server.kill();
    expect(familyOf(server.pid)).toEqual([]);
    await server.start();

    expect(await callRedis(server.url).get('written')).toBe('yes');
  });

  it('is silent from pause to resume', async () => {
    const server = await own(startRedis());
    const client = callRedis(server.url, { commandTimeout: ANSWER_MS });
    await client.ping();

    await server.pause();
    await expect(client.ping()).rejects.toThrow('Command timed out');
    await server.resume();

    await expect.poll(() => client.ping().catch(() => '')).toBe('PONG');
  });

  it('takes its settings', async () => {
    const server = await own(
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

  it('leaves nothing when it stops, even paused', async () => {
    const running = await own(startRedis());
    const paused = await own(startRedis());
    await paused.pause();

    expect(await whatIsLeft(running)).toEqual(NOTHING);
    expect(await whatIsLeft(paused)).toEqual(NOTHING);
  });

  it('is shared by the run', async () => {
    expect(await callRedis(inject('redisUrl')).ping()).toBe('PONG');
  });
});

describeEngine('postgres', 'a PostgreSQL of a test', () => {
  it('keeps what it committed when it is killed and started again', async () => {
    const server = await own(startPostgres());
    const url = await server.databaseUrl('kept "events"');
    const before = await callPostgres(url);
    await before.query("CREATE TABLE written AS SELECT 'yes' AS answer");

    const family = familyOf(server.pid);
    await server.kill();
    expect(family.length).toBeGreaterThan(1);
    expect(family.filter(isAlive)).toEqual([]);
    await server.start();

    const after = await callPostgres(url);
    const { rows } = await after.query('SELECT answer FROM written');
    expect(rows).toEqual([{ answer: 'yes' }]);
  });

  it('is silent from pause to resume', async () => {
    const server = await own(startPostgres());
    const client = await callPostgres(server.url);

    await server.pause();
    let answer: string | undefined;
    const asked = client.query("SELECT 'here' AS answer").then(({ rows }) => {
      answer = (rows[0] as { answer: string }).answer;
    });
    const caller = new Client({
      connectionString: server.url,
      connectionTimeoutMillis: ANSWER_MS,
    });
    await expect(caller.connect()).rejects.toThrow('timeout');
    expect(answer).toBeUndefined();
    await server.resume();

    await asked;
    expect(answer).toBe('here');
  });

  it('leaves nothing when it stops, even paused or killed', async () => {
    const paused = await own(startPostgres());
    await paused.pause();
    const killed = await own(startPostgres());
    await killed.kill();

    expect(await whatIsLeft(paused)).toEqual(NOTHING);
    expect(await whatIsLeft(killed)).toEqual(NOTHING);
  });

  it('is shared by the run, with a database for each test', async () => {
    const url = await createDatabase(inject('postgresUrl'), 'engines_spec');
    const client = await callPostgres(url);

    const { rows } = await client.query(
      "SELECT current_database() AS name, current_setting('max_connections') AS connections, current_setting('fsync') AS fsync",
    );

    expect(rows).toEqual([
      { name: 'engines_spec', connections: '300', fsync: 'on' },
    ]);
  });
});

describe('missingEngine', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('tells what to install', () => {
    vi.stubEnv('PATH', '');

    expect(missingEngine('redis')).toContain('apt-get install redis-server');
  });
});
