import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { RedisClaims } from '../../../lib/bullmq/redis.claims.js';
import { datedEvent } from '../../../lib/testing/inbox-bench.js';
import { bullmqBench } from '../../support/bullmq-bench.js';
import { describeEngine } from '../../support/engines/describe-engine.js';

/** The claims of a queue of the test's own. */
function claims() {
  const client = new Redis(inject('redisUrl'));
  onTestFinished(() => client.disconnect());
  const keyOf = (name: string) => `unit-${queue}:${name}`;
  const queue = randomUUID();
  const noted = new RedisClaims(client, keyOf);
  onTestFinished(() => noted.end());
  return {
    client,
    list: keyOf('xenioo-ids'),
    /** As BullMQ keeps them. */
    claim: (ids: readonly string[]) =>
      client.mset(ids.flatMap(id => [keyOf(`de:${id}`), 'job'])),
    /** Notes them, and tells how many were known as soon as they are listed. */
    async note(ids: readonly string[], dedupe = {}): Promise<number> {
      const all = { ttlSeconds: 60, maxIds: 1_000, ...dedupe };
      return new Promise((resolve, reject) => {
        noted.note(ids, all, resolve).catch(reject);
      });
    },
    noted,
    listed: () => client.zrange(keyOf('xenioo-ids'), 0, -1),
    /** Which of these are still claimed. */
    async kept(ids: readonly string[]) {
      const keys = await client.mget(ids.map(id => keyOf(`de:${id}`)));
      return ids.filter((_, index) => keys[index] !== null);
    },
  };
}

const realNow = performance.now.bind(performance);

/** Makes the clock of this process go ahead, as long as the test runs. */
function goAhead(byMs: number): void {
  const clock = vi.spyOn(performance, 'now');
  clock.mockImplementation(() => realNow() + byMs);
  onTestFinished(() => clock.mockRestore());
}

describeEngine('redis', 'ids that were claimed', () => {
  it('are counted where they were known before', async () => {
    const { note } = claims();

    expect(await note(['a', 'b'])).toBe(0);
    expect(await note(['b', 'c', 'a'])).toBe(2);
    expect(await note(['d', 'd'])).toBe(1);
  });

  it('are forgotten past `maxIds`, the oldest first', async () => {
    const { claim, note, kept } = claims();
    const ids = ['a', 'b', 'c', 'd', 'e'];
    await claim(ids);

    await note(['a', 'b'], { maxIds: 3 });
    expect(await kept(ids)).toEqual(ids);
    await note(['c', 'd', 'e'], { maxIds: 3 });

    expect(await kept(ids)).toEqual(['c', 'd', 'e']);
    expect(await note(['a'], { maxIds: 3 })).toBe(0);
    expect(await kept(ids)).toEqual(['d', 'e']);
  });

  it('have an order within a call too', async () => {
    const { claim, note, kept } = claims();
    const ids = Array.from({ length: 50 }, (_, index) => `id-${50 - index}`);
    await claim(ids);

    await note(ids, { maxIds: 20 });

    expect(await kept(ids)).toEqual(ids.slice(30));
  });

  it('keep their place when they come again', async () => {
    const { claim, note, kept } = claims();
    const ids = ['a', 'b', 'c'];
    await claim(ids);

    await note(['a', 'b'], { maxIds: 2 });
    await note(['a'], { maxIds: 2 });
    await note(['c'], { maxIds: 2 });

    expect(await kept(ids)).toEqual(['b', 'c']);
  });

  it('are listed no longer than they are remembered', async () => {
    const { client, list, note } = claims();

    await note(['a', 'b'], { ttlSeconds: 60 });
    expect(await client.pttl(list)).toBeGreaterThan(50_000);
    expect(await client.pttl(list)).toBeLessThanOrEqual(60_000);
    goAhead(59_000);
    await note(['c'], { ttlSeconds: 60 });
    expect(await client.zrange(list, 0, -1)).toEqual(['a', 'b', 'c']);
    goAhead(61_000);
    await note(['d'], { ttlSeconds: 60 });

    expect(await client.zrange(list, 0, -1)).toEqual(['c', 'd']);
  });

  it('are new when they come again after their time', async () => {
    const { client, list, note } = claims();
    await note(['a'], { ttlSeconds: 60 });
    goAhead(61_000);

    expect(await note(['a', 'b'], { ttlSeconds: 60 })).toBe(0);

    expect(await client.zrange(list, 0, -1)).toEqual(['a', 'b']);
  });
});

describeEngine('redis', 'ids that come one by one', () => {
  const many = { ttlSeconds: 60, maxIds: 1_000_000 };
  const manyIds = (count: number) =>
    Array.from({ length: count }, (_, index) => `id-${index}`);
  /** The command of this connection that lists them. */
  const evalsOf = (client: Redis) => vi.spyOn(client, 'eval');

  it('are listed together, soon', async () => {
    const { client, noted, listed } = claims();
    const evals = evalsOf(client);
    const onKnown = vi.fn<(count: number) => void>();

    for (const id of ['a', 'b', 'c', 'b']) {
      await noted.note([id], many, onKnown);
    }
    expect(evals).not.toHaveBeenCalled();

    await expect.poll(listed).toEqual(['a', 'b', 'c']);
    await expect.poll(() => onKnown.mock.calls).toEqual([[1]]);
    expect(evals).toHaveBeenCalledTimes(1);
  });

  it('are listed at once when 1,000 of them wait', async () => {
    const { noted, listed } = claims();
    const ids = manyIds(1_000);

    await noted.note(ids.slice(0, 999), many, () => {});
    expect(await listed()).toEqual([]);
    await noted.note(ids.slice(999), many, () => {});

    expect(await listed()).toHaveLength(1_000);
  });

  it('are listed at once when they are a hundredth of `maxIds`', async () => {
    const { noted, listed } = claims();
    const few = { ttlSeconds: 60, maxIds: 500 };

    await noted.note(manyIds(4), few, () => {});
    expect(await listed()).toEqual([]);
    await noted.note(['e'], few, () => {});

    expect(await listed()).toHaveLength(5);
  });

  it('are listed in parts when they are many', async () => {
    const { client, noted, listed } = claims();
    const evals = evalsOf(client);
    const onKnown = vi.fn<(count: number) => void>();
    const ids = manyIds(2_500);

    await noted.note([...ids, ...ids.slice(0, 7)], many, onKnown);

    expect(evals).toHaveBeenCalledTimes(3);
    expect(onKnown.mock.calls).toEqual([[7]]);
    expect((await listed()).toSorted()).toEqual(ids.toSorted());
  });

  it('are not listed any more after the end', async () => {
    const { client, noted } = claims();
    const evals = evalsOf(client);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      await noted.note(['a'], many, () => {});
      noted.end();
      vi.advanceTimersByTime(60_000);
    } finally {
      vi.useRealTimers();
    }

    expect(evals).not.toHaveBeenCalled();
  });

  it('are no error where Redis can’t list them', async () => {
    const { client, list, noted, listed } = claims();
    const evals = evalsOf(client);
    await client.set(list, 'no list');

    await noted.note(['a'], many, () => {});
    await expect.poll(() => evals.mock.results.length).toBe(1);
    await expect(evals.mock.results[0]!.value).rejects.toThrow(/WRONGTYPE/);
    await client.del(list);
    await noted.note(['b'], many, () => {});

    await expect.poll(listed).toEqual(['b']);
  });
});

describeEngine('redis', 'an event whose id was forgotten', () => {
  it('is taken again, and others are dropped', async () => {
    const { bench, logs } = await bullmqBench('redis');
    const inbox = await bench.start(undefined, {
      dedupe: { ttlSeconds: 60, maxIds: 3 },
    });
    const events = Array.from({ length: 4 }, () => datedEvent());
    for (const event of events) await inbox.accept({ entries: [event] });
    await inbox.idle();

    await inbox.accept({ entries: [events[3]!, events[0]!, events[2]!] });
    await inbox.idle();

    expect(bench.ids).toHaveLength(5);
    expect(bench.ids.at(-1)).toBe(events[0]!.id);
    expect(logs.ofXenioo('debug')).toEqual([
      expect.stringMatching(/^Dropped 2 entries/),
    ]);
  });
});
