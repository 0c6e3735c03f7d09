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
import { describeEngine } from '../support/engines/describe-engine.js';
import type { EngineServer } from '../support/engines/engine-server.js';
import { missingEngine } from '../support/engines/find-engines.js';
import { familyOf, isAlive } from '../support/engines/process-table.js';
import { startRedis } from '../support/engines/redis-server.js';

/** Time for which callers wait for a paused server. */
const ANSWER_MS = 1_000;

// Starting an engine takes long on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** Stops a server when the test ends. */
async function own<T extends EngineServer>(started: Promise<T>): Promise<T> {
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
    const server = await own(startRedis());
    await callRedis(server.url).set('written', 'yes');

    await server.kill();
    expect(familyOf(server.pid)).toEqual([]);
    await server.start();

    expect(await callRedis(server.url).get('written')).toBe('yes');
  });

  it('does not answer between pause and resume', async () => {
    const server = await own(startRedis());
    const client = callRedis(server.url, { commandTimeout: ANSWER_MS });
    await client.ping();

    await server.pause();
    await expect(client.ping()).rejects.toThrow('Command timed out');
    await server.resume();

    await expect.poll(() => client.ping().catch(() => '')).toBe('PONG');
  });

  it('applies its settings', async () => {
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

  it('removes its processes and folder when it stops, even paused', async () => {
    const running = await own(startRedis());
    const paused = await own(startRedis());
    await paused.pause();

    expect(await stopAndInspect(running)).toEqual(NOTHING);
    expect(await stopAndInspect(paused)).toEqual(NOTHING);
  });

  it('starts the Redis that all specs share', async () => {
    expect(await callRedis(inject('redisUrl')).ping()).toBe('PONG');
  });
});

describe('missingEngine()', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('names the package to install', () => {
    vi.stubEnv('PATH', '');

    expect(missingEngine('redis')).toContain('apt-get install redis-server');
  });
});
