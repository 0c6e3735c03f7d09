import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  datedEvent,
  delivery,
  LmdbHarness,
} from '../../support/lmdb-harness.js';

afterEach(() => void vi.useRealTimers());

const advanceClock = (ms: number) => {
  const now = Date.now() + ms;
  vi.useFakeTimers({ toFake: ['Date'], now });
};

describe('LmdbInbox `dedupe.ttlSeconds`', () => {
  const dedupe = { ttlSeconds: 60, maxIds: 1_000 };

  it('drops duplicates within this time, even after a restart', async () => {
    const harness = await LmdbHarness.create();
    const event = datedEvent();
    const inbox = await harness.start(undefined, { dedupe });
    await inbox.accept(delivery([event]));
    await inbox.idle();
    await harness.stop(inbox);

    advanceClock(59_000);
    const again = await harness.start(undefined, { dedupe });
    await again.accept(delivery([event]));
    await again.idle();

    expect(harness.ids).toEqual([event.id]);
  });

  it('accepts an event again after this time, once', async () => {
    const harness = await LmdbHarness.create();
    const event = datedEvent();
    const inbox = await harness.start(undefined, { dedupe });
    await inbox.accept(delivery([event]));

    advanceClock(61_000);
    await inbox.accept(delivery([event, event]));
    await inbox.accept(delivery([event]));
    await inbox.idle();

    expect(harness.ids).toEqual([event.id, event.id]);
  });

  it('removes only expired ids at start', async () => {
    const harness = await LmdbHarness.create();
    const [old, young] = [datedEvent(), datedEvent()];
    const inbox = await harness.start(undefined, { dedupe });
    await inbox.accept(delivery([old]));
    await inbox.idle();
    advanceClock(61_000);
    await inbox.accept(delivery([young]));
    await inbox.idle();
    await harness.stop(inbox);

    const again = await harness.start(undefined, {
      dedupe: { ...dedupe, ttlSeconds: 86_400 },
    });
    await again.accept(delivery([young]));
    await again.idle();

    expect(harness.ids).toEqual([old.id, young.id]);
  });
});

describe('LmdbInbox `dedupe.maxIds`', () => {
  const dedupe = { ttlSeconds: 3_600, maxIds: 20 };

  it('forgets the oldest ids and keeps the newest, even after a restart', async () => {
    const harness = await LmdbHarness.create();
    const events = Array.from({ length: 30 }, () => datedEvent());
    const inbox = await harness.start(undefined, { dedupe });
    for (const [index, event] of events.entries()) {
      advanceClock(index);
      await inbox.accept(delivery([event]));
    }
    await inbox.idle();
    await harness.stop(inbox);

    const again = await harness.start(undefined, { dedupe });
    await again.accept(delivery(events.slice(10)));
    await again.idle();
    expect(harness.runs).toHaveLength(30);

    await again.accept(delivery([events[0]!]));
    await again.idle();
    expect(harness.ids.at(-1)).toBe(events[0]!.id);
    expect(harness.runs).toHaveLength(31);
  });

  it('allows a call with more events', async () => {
    const harness = await LmdbHarness.create();
    const events = Array.from({ length: 50 }, () => datedEvent());
    const inbox = await harness.start(undefined, { dedupe });

    await inbox.accept(delivery([...events, ...events]));
    await inbox.idle();

    expect(harness.ids.toSorted()).toEqual(
      events.map(({ id }) => id).toSorted(),
    );
  });
});
