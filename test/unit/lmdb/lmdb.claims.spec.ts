import { afterEach, describe, expect, it, vi } from 'vitest';
import { datedEvent } from '../../../lib/testing/inbox-bench.js';
import { lmdbBench } from '../../support/lmdb-bench.js';

afterEach(() => void vi.useRealTimers());

const later = (ms: number) => {
  const now = Date.now() + ms;
  vi.useFakeTimers({ toFake: ['Date'], now });
};

describe('with ids that are remembered for a minute', () => {
  const dedupe = { ttlSeconds: 60, maxIds: 1_000 };

  it('drops what comes again within it, also after a restart', async () => {
    const { bench } = await lmdbBench();
    const event = datedEvent();
    const inbox = await bench.start(undefined, { dedupe });
    await inbox.accept({ entries: [event] });
    await inbox.idle();
    await bench.stop(inbox);

    later(59_000);
    const again = await bench.start(undefined, { dedupe });
    await again.accept({ entries: [event] });
    await again.idle();

    expect(bench.ids).toEqual([event.id]);
  });

  it('takes it again later, once', async () => {
    const { bench } = await lmdbBench();
    const event = datedEvent();
    const inbox = await bench.start(undefined, { dedupe });
    await inbox.accept({ entries: [event] });

    later(61_000);
    await inbox.accept({ entries: [event, event] });
    await inbox.accept({ entries: [event] });
    await inbox.idle();

    expect(bench.ids).toEqual([event.id, event.id]);
  });

  it('forgets at its start what is too old, and takes no other', async () => {
    const { bench } = await lmdbBench();
    const [old, young] = [datedEvent(), datedEvent()];
    const inbox = await bench.start(undefined, { dedupe });
    await inbox.accept({ entries: [old] });
    await inbox.idle();
    later(61_000);
    await inbox.accept({ entries: [young] });
    await inbox.idle();
    await bench.stop(inbox);

    const again = await bench.start(undefined, {
      dedupe: { ...dedupe, ttlSeconds: 86_400 },
    });
    await again.accept({ entries: [young] });
    await again.idle();

    expect(bench.ids).toEqual([old.id, young.id]);
  });
});

describe('with room for a number of ids', () => {
  const dedupe = { ttlSeconds: 3_600, maxIds: 20 };

  it('forgets the oldest, and keeps the newest, also over a restart', async () => {
    const { bench } = await lmdbBench();
    const events = Array.from({ length: 30 }, () => datedEvent());
    const inbox = await bench.start(undefined, { dedupe });
    for (const [index, event] of events.entries()) {
      later(index);
      await inbox.accept({ entries: [event] });
    }
    await inbox.idle();
    await bench.stop(inbox);

    const again = await bench.start(undefined, { dedupe });
    await again.accept({ entries: events.slice(10) });
    await again.idle();
    expect(bench.runs).toHaveLength(30);

    await again.accept({ entries: [events[0]!] });
    await again.idle();
    expect(bench.ids.at(-1)).toBe(events[0]!.id);
    expect(bench.runs).toHaveLength(31);
  });

  it('takes a call of more than that', async () => {
    const { bench } = await lmdbBench();
    const events = Array.from({ length: 50 }, () => datedEvent());
    const inbox = await bench.start(undefined, { dedupe });

    await inbox.accept({ entries: [...events, ...events] });
    await inbox.idle();

    expect(bench.ids.toSorted()).toEqual(events.map(({ id }) => id).toSorted());
  });
});
