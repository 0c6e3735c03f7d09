import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  datedEvent,
  givenUp,
  invalidEntry,
} from '../../../lib/testing/inbox-bench.js';
import { lmdbBench } from '../../support/lmdb-bench.js';

const DAY_MS = 86_400_000;

afterEach(() => void vi.useRealTimers());

const pretend = (date: number) =>
  vi.useFakeTimers({ toFake: ['Date'], now: date });

describe('with more letters than are read at a time', () => {
  it('lists them in pages, from the oldest to the newest', async () => {
    const { bench } = await lmdbBench();
    const inbox = await bench.open();
    const ids: string[] = [];
    for (let calls = 0; calls < 9; calls++) {
      const entries = Array.from({ length: 50 }, () => invalidEntry());
      await inbox.accept({ entries });
      ids.push(...entries.map(({ id }) => id));
    }

    const listed: string[] = [];
    for (;;) {
      const query = { limit: 70, after: listed.at(-1) };
      const page = await inbox.deadLetters.list(query);
      if (page.length === 0) break;
      listed.push(...page.map(({ id }) => id));
    }

    expect(listed).toEqual(ids);
  });

  it('finds the few that are meant behind all others', async () => {
    const { bench } = await lmdbBench();
    const inbox = await bench.start(({ entry }) =>
      'reason' in entry ? undefined : givenUp(entry),
    );
    const entries = Array.from({ length: 450 }, () => invalidEntry());
    await inbox.accept({ entries });
    await inbox.idle();
    const event = datedEvent();
    await inbox.accept({ entries: [event] });
    await inbox.idle();

    const found = await inbox.deadLetters.list({ handler: 'Crm.save' });

    expect(found.map(({ id }) => id)).toEqual([event.id]);
  });
});

describe('keepDeadLettersDays', () => {
  it('removes at the start what is older, and says so', async () => {
    const { bench, logs } = await lmdbBench({ keepDeadLettersDays: 30 });
    const now = Date.now();
    const inbox = await bench.open();
    pretend(now - 31 * DAY_MS);
    const old = Array.from({ length: 250 }, () => invalidEntry());
    await inbox.accept({ entries: old });
    pretend(now - 29 * DAY_MS);
    const young = invalidEntry();
    await inbox.accept({ entries: [young] });
    await bench.stop(inbox);
    vi.useRealTimers();

    const again = await bench.start();

    await vi.waitFor(
      () =>
        expect(logs.ofXenioo('warn')).toEqual([
          'Removed 250 dead letters older than 30 days (`keepDeadLettersDays`).',
        ]),
      { timeout: 5_000 },
    );
    const left = await again.deadLetters.list({ limit: 1_000 });
    expect(left.map(({ id }) => id)).toEqual([young.id]);
  });
});

describe('when two processes work on letters', () => {
  it('replays a letter once, whoever is first', async () => {
    const { bench } = await lmdbBench();
    let isBroken = true;
    const behaviour = ({ entry }: { entry: Parameters<typeof givenUp>[0] }) =>
      isBroken ? givenUp(entry) : undefined;
    const first = await bench.start(behaviour);
    const second = await bench.start(behaviour);
    const events = Array.from({ length: 20 }, () => datedEvent());
    await first.accept({ entries: events });
    await first.idle();
    isBroken = false;

    const replayed = await Promise.all(
      events.flatMap(event =>
        [first, second].map(inbox =>
          inbox.deadLetters.replay(event.id, {
            entries: [event],
            handlers: ['Crm.save'],
          }),
        ),
      ),
    );
    await first.idle();

    expect(replayed.filter(Boolean)).toHaveLength(20);
    expect(bench.runs).toHaveLength(40);
    expect(await second.deadLetters.list()).toEqual([]);
  });

  it('shows the one what the other has written', async () => {
    const { bench } = await lmdbBench();
    const first = await bench.open();
    const second = await bench.open();
    const entry = invalidEntry();

    await first.accept({ entries: [entry] });

    expect((await second.deadLetters.get(entry.id))?.id).toBe(entry.id);
    expect(await second.deadLetters.remove(entry.id)).toBe(true);
    expect(await first.deadLetters.list()).toEqual([]);
  });
});
