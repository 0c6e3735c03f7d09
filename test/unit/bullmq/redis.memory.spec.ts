import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { infoOf, RedisMemory } from '../../../lib/bullmq/redis.memory.js';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { datedEvent } from '../../../lib/testing/inbox-bench.js';
import { bullmqBench } from '../../support/bullmq-bench.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import {
  startRedis,
  type RedisServer,
} from '../../support/engines/redis-server.js';

const MB = 2 ** 20;

describe('what INFO answers', () => {
  it('is read field by field', () => {
    const info = infoOf('# Memory\r\nused_memory:12\r\nname:a:b\r\nempty:\r\n');

    expect([...info]).toEqual([
      ['used_memory', '12'],
      ['name', 'a:b'],
      ['empty', ''],
    ]);
  });
});

describeEngine('redis', 'the memory of a Redis', () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await startRedis({ appendonly: false });
    client = new Redis(server.url);
  }, 30_000);
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  /** Uses so much of it, within what a few clients and the server itself need. */
  async function use(bytes: number): Promise<void> {
    await client.flushall();
    await client.eval(
      `redis.call('SET', 'much', string.rep('x', ARGV[1]))`,
      0,
      bytes,
    );
    // The script leaves what it made to be collected.
    await client.script('FLUSH', 'SYNC');
  }

  /** Whether it is full, with so much used of so much. */
  async function isFull(used: number, most: number): Promise<boolean> {
    await client.config('SET', 'maxmemory', 0);
    await use(used);
    await client.config('SET', 'maxmemory', most);
    const memory = new RedisMemory(client);
    try {
      await memory.look();
      return !(await memory.hasRoomFor(1, 1_000));
    } finally {
      memory.end();
    }
  }

  it.each([
    ['nothing of no limit', 0, 0, false],
    ['much of no limit', 40 * MB, 0, false],
    ['little', 1 * MB, 100 * MB, false],
    ['four fifths of much', 70 * MB, 100 * MB, false],
    ['all but less than a tenth of much', 78 * MB, 88 * MB, true],
    ['half of little', 4 * MB, 16 * MB, false],
    ['all but 4 MB of little', 12 * MB, 16 * MB, true],
    ['nothing of less than 4 MB', 0, 3 * MB, true],
  ])('is full or not when it uses %s', async (_, used, most, expected) => {
    expect(await isFull(used, most)).toBe(expected);
  });

  it('counts what is added between two looks', async () => {
    await client.config('SET', 'maxmemory', 0);
    await use(1 * MB);
    await client.config('SET', 'maxmemory', 40 * MB);
    const memory = new RedisMemory(client);
    try {
      await memory.look();
      expect(await memory.hasRoomFor(1, 60 * MB)).toBe(false);
      const asked = Array.from({ length: 8 }, () =>
        memory.hasRoomFor(1, 8 * MB),
      );
      const had = (await Promise.all(asked)).filter(Boolean);
      expect(had.length).toBeGreaterThan(0);
      expect(had.length).toBeLessThan(8);
    } finally {
      memory.end();
    }
  });

  it('is looked at again and again', async () => {
    await client.config('SET', 'maxmemory', 0);
    await use(30 * MB);
    const memory = new RedisMemory(client);
    try {
      await client.config('SET', 'maxmemory', 31 * MB);
      await expect.poll(() => memory.hasRoomFor(1, 1_000)).toBe(false);
      await client.config('SET', 'maxmemory', 0);
      await expect.poll(() => memory.hasRoomFor(1, 1_000)).toBe(true);
    } finally {
      memory.end();
    }
  });

  it('when full, lets calls wait and events be handled', async () => {
    await client.config('SET', 'maxmemory', 0);
    await use(30 * MB);
    const { bench, logs } = await bullmqBench('redis', {
      connection: server.url,
    });
    const inbox = await bench.open({ acceptTimeoutMs: 2_500 });
    const [first, second, third] = [datedEvent(), datedEvent(), datedEvent()];
    await inbox.accept({ entries: [first] });
    await client.config('SET', 'maxmemory', 36 * MB);

    await expect
      .poll(() => inbox.accept({ entries: [second] }).catch(error => error))
      .toBeInstanceOf(XeniooInboxError);
    await inbox.start(bench.dispatch(() => undefined));
    await expect.poll(() => bench.ids).toContain(first.id);
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringContaining('it is full'),
    ]);
    const accepted = inbox.accept({ entries: [third] });
    await client.config('SET', 'maxmemory', 0);
    await accepted;

    await expect.poll(() => bench.ids).toContain(third.id);
  }, 20_000);
});
