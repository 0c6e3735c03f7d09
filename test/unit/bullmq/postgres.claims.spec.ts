import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { PostgresClaims } from '../../../lib/bullmq/postgres.claims.js';
import { datedEvent } from '../../../lib/testing/inbox-bench.js';
import { bullmqBench } from '../../support/bullmq-bench.js';
import { describeEngine } from '../../support/engines/describe-engine.js';

const MINUTE_MS = 60_000;

/** The claims of a queue of the test's own, in the table of BullMQ. */
async function claims() {
  // It makes the table.
  const { options } = await bullmqBench('postgres');
  const pool = new Pool({
    connectionString: inject('postgresUrl'),
    options: '-c search_path=bullmq',
  });
  onTestFinished(() => pool.end());
  const { queue } = options;
  return {
    queue,
    claims: new PostgresClaims(pool, queue),
    /** As BullMQ keeps them: in so many milliseconds from now their time is over. */
    async claim(inMs: Record<string, number | null>, of = queue) {
      for (const [id, ms] of Object.entries(inMs)) {
        const expireAt = ms === null ? null : Date.now() + ms;
        await pool.query(`INSERT INTO dedup VALUES ($1, $2, 'job', $3)`, [
          of,
          id,
          expireAt,
        ]);
      }
    },
    async kept(of = queue) {
      const { rows } = await pool.query<{ dedup_id: string }>(
        'SELECT dedup_id FROM dedup WHERE queue = $1 ORDER BY dedup_id',
        [of],
      );
      return rows.map(({ dedup_id: id }) => id);
    },
  };
}

const dedupe = (maxIds: number) => ({ ttlSeconds: 60, maxIds });

describeEngine('postgres', 'ids that were claimed', () => {
  it('are forgotten when their time is over, and no other', async () => {
    const { claims: all, claim, kept } = await claims();
    await claim({ old: -1, older: -MINUTE_MS, young: MINUTE_MS, ever: null });

    await all.note(100, dedupe(1_000));

    expect(await kept()).toEqual(['ever', 'young']);
  });

  it('are forgotten past `maxIds`, the oldest first', async () => {
    const { claims: all, claim, kept } = await claims();
    await claim({ e: 5_000, d: 4_000, c: 3_000, b: 2_000, a: 1_000 });

    await all.note(5, dedupe(5));
    expect(await kept()).toEqual(['a', 'b', 'c', 'd', 'e']);
    await all.note(3, dedupe(3));

    expect(await kept()).toEqual(['c', 'd', 'e']);
  });

  it('are remembered, `maxIds` at least, where one call brought more', async () => {
    const { claims: all, claim, kept } = await claims();
    const expireAt = Date.now() + MINUTE_MS;
    vi.useFakeTimers({ toFake: ['Date'], now: expireAt - MINUTE_MS });
    onTestFinished(() => void vi.useRealTimers());
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    await claim(Object.fromEntries(ids.map(id => [id, MINUTE_MS])));
    await claim({ older: MINUTE_MS - 1 });

    await all.note(7, dedupe(3));

    const left = await kept();
    expect(left.length).toBeGreaterThanOrEqual(3);
    expect(left).not.toContain('older');
  });

  it('are those of other queues too: they stay', async () => {
    const { claims: all, claim, kept } = await claims();
    const other = randomUUID();
    await claim({ a: -1, b: 1_000, c: 2_000 }, other);
    await claim({ a: 1_000, b: 2_000 });

    await all.note(2, dedupe(1));

    expect(await kept()).toEqual(['b']);
    expect(await kept(other)).toEqual(['a', 'b', 'c']);
  });

  it('are looked at once for a tenth of `maxIds`', async () => {
    const { claims: all, claim, kept } = await claims();
    await claim({ old: -1 });

    await all.note(60, dedupe(1_000));
    await all.note(39, dedupe(1_000));
    expect(await kept()).toEqual(['old']);
    await all.note(1, dedupe(1_000));
    expect(await kept()).toEqual([]);
    await claim({ old: -1 });
    await all.note(99, dedupe(1_000));

    expect(await kept()).toEqual(['old']);
  });

  it('are looked at once in a minute however few they are', async () => {
    const { claims: all, claim, kept } = await claims();
    await claim({ old: -1 });
    await all.note(1, dedupe(1_000));
    expect(await kept()).toEqual(['old']);

    const now = performance.now.bind(performance);
    const clock = vi
      .spyOn(performance, 'now')
      .mockImplementation(() => now() + MINUTE_MS + 1);
    onTestFinished(() => clock.mockRestore());
    await all.note(1, dedupe(1_000));

    expect(await kept()).toEqual([]);
  });
});

describeEngine('postgres', 'an event whose id was forgotten', () => {
  it('is taken again, and others are dropped', async () => {
    const { bench } = await bullmqBench('postgres');
    const inbox = await bench.start(undefined, {
      dedupe: { ttlSeconds: 60, maxIds: 3 },
    });
    const events = Array.from({ length: 4 }, () => datedEvent());
    for (const event of events) {
      await inbox.accept({ entries: [event] });
      const at = Date.now();
      // Their order is that of the clock.
      await expect.poll(() => Date.now()).toBeGreaterThan(at);
    }
    await inbox.idle();

    await inbox.accept({ entries: [events[3]!, events[0]!, events[2]!] });
    await inbox.idle();

    expect(bench.ids).toHaveLength(5);
    expect(bench.ids.at(-1)).toBe(events[0]!.id);
  });
});
