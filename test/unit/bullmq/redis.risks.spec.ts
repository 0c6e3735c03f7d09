import { Redis } from 'ioredis';
import {
  afterAll,
  beforeAll,
  expect,
  inject,
  it,
  onTestFinished,
} from 'vitest';
import { risksOf } from '../../../lib/bullmq/redis.risks.js';
import { bullmqBench } from '../../support/bullmq-bench.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import {
  startRedis,
  type RedisServer,
} from '../../support/engines/redis-server.js';

describeEngine('redis', 'a Redis', () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url);
  }, 30_000);
  afterAll(async () => {
    client.disconnect();
    // Asked to end while it writes the first file of `appendonly`, it would not.
    await server.kill();
    await server.stop();
  });

  /** The sentences of a Redis with these settings, without where it is. */
  async function risks(settings: Record<string, string>): Promise<string[]> {
    const all = {
      appendonly: 'yes',
      appendfsync: 'always',
      'maxmemory-policy': 'noeviction',
      ...settings,
    };
    for (const [name, value] of Object.entries(all)) {
      await client.config('SET', name, value);
    }
    const told = await risksOf(client);
    return told.map(risk => risk.replace(`127.0.0.1:${server.port}`, 'HERE'));
  }

  it('that has every write on its disk has no risk', async () => {
    expect(await risks({})).toEqual([]);
  });

  it('that writes nothing to its disk forgets', async () => {
    expect(await risks({ appendonly: 'no' })).toEqual([
      'Redis at HERE forgets what was answered 200 when it restarts (`appendonly no`). Put into its redis.conf: appendonly yes, and appendfsync always; or now: CONFIG SET appendonly yes',
    ]);
  });

  it.each(['everysec', 'no'])(
    'that syncs later may forget: %s',
    async appendfsync => {
      expect(await risks({ appendfsync })).toEqual([
        'Redis at HERE may forget what it took in the last second when its machine fails (`appendfsync` is not `always`). Put into its redis.conf: appendfsync always; or now: CONFIG SET appendfsync always',
      ]);
    },
  );

  it.each(['allkeys-lru', 'volatile-ttl'])(
    'that drops keys drops events: %s',
    async policy => {
      expect(await risks({ 'maxmemory-policy': policy })).toEqual([
        `Redis at HERE drops events that wait when its memory is full (\`maxmemory-policy ${policy}\`). Put into its redis.conf: maxmemory-policy noeviction; or now: CONFIG SET maxmemory-policy noeviction`,
      ]);
    },
  );

  it('may have several', async () => {
    const several = { appendonly: 'no', 'maxmemory-policy': 'allkeys-random' };

    expect(await risks(several)).toHaveLength(2);
  });

  it('that forbids the question is trusted', async () => {
    await risks({ appendfsync: 'everysec' });
    await client.acl(
      'SETUSER',
      'me',
      'on',
      '>pw',
      '~*',
      '&*',
      '+@all',
      '-config',
    );
    const guest = new Redis(server.url, { username: 'me', password: 'pw' });
    onTestFinished(() => guest.disconnect());

    await expect(guest.config('GET', 'appendfsync')).rejects.toThrow(/NOPERM/);
    expect(await risksOf(guest)).toEqual([]);
  });

  it('has its risks told at each start', async () => {
    await risks({ 'maxmemory-policy': 'allkeys-lru' });
    const { bench, logs } = await bullmqBench('redis', {
      connection: server.url,
    });

    await bench.start();

    await expect
      .poll(() => logs.ofXenioo('warn'))
      .toEqual([expect.stringContaining('maxmemory-policy allkeys-lru')]);
  });
});

describeEngine('redis', 'the Redis of the run', () => {
  it('has no risk', async () => {
    const client = new Redis(inject('redisUrl'));
    onTestFinished(() => client.disconnect());

    expect(await risksOf(client)).toEqual([]);
  });
});
