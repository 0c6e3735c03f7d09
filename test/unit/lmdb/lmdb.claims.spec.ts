import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  datedEvent,
  delivery,
  LmdbHarness,
} from '../../support/lmdb-harness.js';

afterEach(() => void vi.useRealTimers());

const later = (ms: number) => {
  const now = Date.now() + ms;
  vi.useFakeTimers({ toFake: ['Date'], now });
};

describe('with ids that are remembered for a minute', () => {
  const dedupe = { ttlSeconds: 60, maxIds: 1_000 };

  it('drops what comes again within it, also after a restart', async () => {
    const harness = await LmdbHarness.create();
    const event = datedEvent();
    const inbox = await harness.start(undefined, { dedupe });
    await inbox.accept(delivery([event]));
    await inbox.idle();
    await harness.stop(inbox);

    later(59_000);
    const again = await harness.start(undefined, { dedupe });
    await again.accept(delivery([event]));
    await again.idle();

    expect(harness.ids).toEqual([event.id]);
  });

  it('takes it again later, once', async () => {
    const harness = await LmdbHarness.create();
    const event = datedEvent();
    const inbox = await harness.start(undefined, { dedupe });
    await inbox.accept(delivery([event]));

    later(61_000);
    await inbox.accept(delivery([event, event]));
    await inbox.accept(delivery([event]));
    await inbox.idle();

    expect(harness.ids).toEqual([event.id, event.id]);
  });

  it('forgets at its start what is too old, and takes no other', async () => {
    const harness = await LmdbHarness.create();
    const [old, young] = [datedEvent(), datedEvent()];
    const inbox = await harness.start(undefined, { dedupe });
    await inbox.accept(delivery([old]));
    await inbox.idle();
    later(61_000);
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

describe('with room for a number of ids', () => {
  const dedupe = { ttlSeconds: 3_600, maxIds: 20 };

  it('forgets the oldest, and keeps the newest, also over a restart', async () => {
    const harness = await LmdbHarness.create();
    const events = Array.from({ length: 30 }, () => datedEvent());
    const inbox = await harness.start(undefined, { dedupe });
    for (const [index, event] of events.entries()) {
      later(index);
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

  it('takes a call of more than that', async () => {
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
