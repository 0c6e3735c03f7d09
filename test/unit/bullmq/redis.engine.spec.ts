import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import type { OpenEngine } from '../../../lib/bullmq/bullmq.engine.js';
import {
  resolveBullmqInboxOptions,
  type BullmqInboxOptions,
} from '../../../lib/bullmq/bullmq.inbox-options.js';
import { RedisEngine } from '../../../lib/bullmq/redis.engine.js';
import { jobOf } from '../../../lib/bullmq/stored-job.js';
import { datedEvent } from '../../../lib/testing/inbox-bench.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { freePort } from '../../support/engines/free-port.js';
import { startRedis } from '../../support/engines/redis-server.js';

// A busy machine takes its time to start an engine.
vi.setConfig({ testTimeout: 60_000 });

type Connection = NonNullable<BullmqInboxOptions['connection']>;

const engineAt = (connection: unknown, queue = `unit-${randomUUID()}`) =>
  new RedisEngine(
    resolveBullmqInboxOptions({ connection: connection as Connection, queue }),
    Redis,
  );

/** Opens an engine for the test. */
async function openAt(connection: unknown, queue?: string) {
  const open = await engineAt(connection, queue).open();
  onTestFinished(() => open.close());
  return open;
}

function callRedis(url = inject('redisUrl')): Redis {
  const client = new Redis(url);
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

async function ownRedis() {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  return server;
}

const addOne = ({ queue }: OpenEngine) => {
  const { name, data, opts } = jobOf(datedEvent(), {});
  return queue.add(name, data, opts);
};

describe('the name of a Redis', () => {
  it.each<[unknown, string]>([
    ['redis://me:SeCrEt@r:1/2', 'Redis at r:1'],
    ['redis://:SeC%2FrEt@r:1', 'Redis at r:1'],
    [{ host: 'r', username: 'me', password: 'SeCrEt' }, 'Redis at r:6379'],
    [{ url: 'redis://me:SeCrEt@r:1' }, 'Redis at r:1'],
    [new Redis('redis://me:SeCrEt@r:1', { lazyConnect: true }), 'Redis at r:1'],
  ])('tells where it is, and no user or password: %#', (given, name) => {
    const told = engineAt(given).name;

    expect(told).toContain(name);
    expect(told).not.toMatch(/SeC|rEt|me/);
  });
});

describeEngine('redis', 'a Redis', () => {
  it.each<[string, (url: URL) => unknown]>([
    ['a URL', url => url.href],
    ['a URL among options', url => ({ url: url.href })],
    ['options', url => ({ host: url.hostname, port: Number(url.port), db: 1 })],
    ['a client', url => new Redis(url.href, { lazyConnect: true })],
  ])('is reached by %s', async (_, connection) => {
    const url = new URL(inject('redisUrl'));
    url.pathname = '/1';
    const queue = `unit-${randomUUID()}`;

    const open = await openAt(connection(url), queue);
    const { id } = await addOne(open);

    const client = callRedis(url.href);
    expect(await client.exists(`bull:${queue}:${id}`)).toBe(1);
  });

  it('leaves a client of the host as it is', async () => {
    const client = callRedis();
    await client.ping();
    const { options } = client;
    const before = { ...options };

    const open = await engineAt(client).open();
    await addOne(open);
    await open.close();

    expect(await client.ping()).toBe('PONG');
    expect({ ...client.options }).toEqual(before);
  });

  it('is left without a connection when it is closed', async () => {
    const server = await ownRedis();
    const client = callRedis(server.url);
    const connections = async () =>
      String(await client.client('LIST'))
        .trim()
        .split('\n').length;
    const alone = await connections();

    const open = await engineAt(server.url).open();
    await addOne(open);
    const worker = await open.openWorker(async () => {}, { autorun: false });
    void worker.run().catch(() => {});
    await expect.poll(connections).toBeGreaterThan(alone + 2);
    await worker.close();
    await open.close();

    await expect.poll(connections).toBe(alone);
  });

  it('needs the right password', async () => {
    const server = await ownRedis();
    await callRedis(server.url).config('SET', 'requirepass', 'SeC/rEt');
    const { port } = new URL(server.url);
    const url = (password: string) =>
      `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}`;

    await addOne(await openAt(url('SeC/rEt')));
    await expect(engineAt(url('wrong')).open()).rejects.toThrow(/WRONGPASS/);
  });

  it('that is not there is told with its reason', async () => {
    const port = await freePort();

    await expect(engineAt(`redis://127.0.0.1:${port}`).open()).rejects.toThrow(
      /ECONNREFUSED/,
    );
  });

  it('that went away fails what is added at once, and takes it when it is back', async () => {
    const server = await ownRedis();
    const open = await openAt(server.url);
    await addOne(open);

    await server.kill();
    await expect(addOne(open)).rejects.toBeInstanceOf(Error);
    await server.start();

    await vi.waitFor(() => addOne(open), { timeout: 20_000 });
    expect(await open.queue.getJobCounts('waiting')).toEqual({ waiting: 2 });
  });
});

describeEngine('redis', 'a primary that became a replica', () => {
  it('is asked anew over another connection: by then another may be the primary', async () => {
    const server = await ownRedis();
    const client = callRedis(server.url);
    const engine = engineAt(server.url);
    const open = await engine.open();
    onTestFinished(() => open.close());
    await addOne(open);
    const ids = async () => {
      const own = await client.client('ID');
      const lines = String(await client.client('LIST')).matchAll(/\bid=(\d+)/g);
      return [...lines].map(([, id]) => Number(id)).filter(id => id !== own);
    };
    const before = await ids();
    expect(before).toHaveLength(1);

    await client.replicaof('127.0.0.1', await freePort());
    const error: unknown = await addOne(open).catch(
      (thrown: unknown) => thrown,
    );

    expect(String(error)).toMatch(/READONLY|closed/i);
    expect(engine.isRefusal(error)).toBe(false);
    await expect.poll(ids).not.toContain(before[0]);
    await client.replicaof('NO', 'ONE');
    await vi.waitFor(() => addOne(open), { timeout: 20_000 });
  });
});

describeEngine('redis', 'what Redis answers', () => {
  const answerTo = async (script: string) => {
    const error: unknown = await callRedis()
      .eval(`return redis.error_reply('${script}')`, 0)
      .catch((thrown: unknown) => thrown);
    return engineAt(inject('redisUrl')).isRefusal(error);
  };

  it.each([
    'OOM command not allowed when used memory > maxmemory',
    'READONLY You can not write against a read only replica.',
    'LOADING Redis is loading the dataset in memory',
    'MISCONF Redis is configured to save RDB snapshots',
    'NOREPLICAS Not enough good replicas to write.',
    'NOAUTH Authentication required.',
  ])('passes by itself: %s', async message => {
    expect(await answerTo(message)).toBe(false);
  });

  it.each(['ERR too many arguments', 'WRONGTYPE Operation against a key'])(
    'is a refusal: %s',
    async message => {
      expect(await answerTo(message)).toBe(true);
    },
  );

  it('is no refusal where nothing was answered', () => {
    const engine = engineAt(inject('redisUrl'));

    expect(engine.isRefusal(new Error('Connection is closed.'))).toBe(false);
  });
});
