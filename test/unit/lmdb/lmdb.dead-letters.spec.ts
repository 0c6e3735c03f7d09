import { open } from 'lmdb';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { XeniooTask } from '../../../lib/handlers/xenioo-task.js';
import { LmdbFolder } from '../../../lib/lmdb/lmdb.folder.js';
import { LmdbStore } from '../../../lib/lmdb/lmdb.store.js';
import {
  datedEvent,
  delivery,
  failed,
  invalidEntry,
  LmdbHarness,
  retry,
} from '../../support/lmdb-harness.js';

const DAY_MS = 86_400_000;

afterEach(() => void vi.useRealTimers());

const setClock = (date: number) =>
  vi.useFakeTimers({ toFake: ['Date'], now: date });

/** Changes the version of the stored form of a dead letter. */
async function storeAsVersion(
  version: number,
  folder: string,
  id: string,
): Promise<void> {
  const root = open({
    path: join(folder, 'inbox.mdb'),
    encoding: 'string',
    maxDbs: 16,
    overlappingSync: false,
  });
  const letters = root.openDB<string, string>({
    name: 'letters',
    useVersions: true,
  });
  const { value, version: row } = letters.getEntry(id)!;
  await letters.put(id, value.replace('"v":1', `"v":${version}`), row!);
  await root.close();
}

const idsOf = (letters: readonly { readonly id: string }[]) =>
  letters.map(({ id }) => id);

describe('LmdbInbox with failed handlers', () => {
  it('stores a dead letter for each and announces it with the thrown error', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(() => [failed('A.a'), failed('B.b')]);
    const event = datedEvent();

    await inbox.accept(delivery([event]));
    await inbox.idle();

    const letters = await inbox.deadLetters.list();
    expect(letters).toMatchObject([
      { id: `${event.id}.A.a`, handler: 'A.a', attempts: 3, kind: 'event' },
      { id: `${event.id}.B.b`, error: { message: 'B.b is broken' } },
    ]);
    expect(harness.announced.map(({ letter }) => letter)).toEqual(letters);
    expect(harness.announced[0]?.error).toBeInstanceOf(Error);
  });

  it('replaces the previous dead letter of the same handler', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(() => [failed('A.a')], { dedupe: false });
    const event = datedEvent();

    for (let runs = 0; runs < 3; runs++) {
      await inbox.accept(delivery([event]));
      await inbox.idle();
    }

    expect(idsOf(await inbox.deadLetters.list())).toEqual([`${event.id}.A.a`]);
    expect((await inbox.stats()).deadLetters).toBe(1);
    expect(await inbox.deadLetters.remove(`${event.id}.A.a`)).toBe(true);
    expect(await inbox.deadLetters.list()).toEqual([]);
  });

  it('keeps the task when its dead letter cannot be stored', async () => {
    const harness = await LmdbHarness.create();
    const tooLong = failed('n'.repeat(2_100));
    const inbox = await harness.start(() => [tooLong]);
    const event = datedEvent();
    await inbox.accept(delivery([event]));
    await expect.poll(() => harness.logs.ofXenioo('error')).not.toEqual([]);
    await harness.stop(inbox, 100);

    const next = await harness.start();
    await next.idle();

    expect(harness.ids).toEqual([event.id, event.id]);
  });

  it('handles other events while many dead letters are announced', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.open();
    let announced = () => {};
    const whenAnnounced = new Promise<void>(resolve => (announced = resolve));
    const healthy = datedEvent('another');
    const runner = harness.runner(({ entry }) =>
      entry.id === healthy.id ? undefined : [failed()],
    );
    await inbox.start({ ...runner, announce: () => whenAnnounced });
    // More than the inbox holds in memory at a time.
    const failing = Array.from({ length: 1_200 }, (_, n) =>
      datedEvent(`c${n}`),
    );

    await inbox.accept(delivery([...failing, healthy]));

    await expect.poll(() => harness.ids).toContain(healthy.id);
    announced();
    await inbox.idle();
    expect((await inbox.stats()).deadLetters).toBe(1_200);
  });

  it('stores a dead letter for an invalid entry', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(() => []);
    const entry = invalidEntry();

    await inbox.accept(delivery([entry]));
    await inbox.idle();

    expect(await inbox.deadLetters.get(entry.id)).toMatchObject({
      kind: 'invalid',
      entry,
    });
    expect(harness.announced).toMatchObject([{ letter: { id: entry.id } }]);
  });
});

describe('LmdbInbox.deadLetters.list()', () => {
  it('returns pages from the oldest to the newest letter', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(undefined, { concurrency: 1 });
    const ids: string[] = [];
    for (let calls = 0; calls < 9; calls++) {
      const entries = Array.from({ length: 50 }, () => invalidEntry());
      await inbox.accept(delivery(entries));
      ids.push(...idsOf(entries));
    }
    await inbox.idle();

    const listed: string[] = [];
    for (;;) {
      const query = { limit: 70, after: listed.at(-1) };
      const page = await inbox.deadLetters.list(query);
      if (page.length === 0) break;
      listed.push(...idsOf(page));
    }

    expect(listed).toEqual(ids);
  });

  it('omits a letter of another version and logs a warning', async () => {
    const harness = await LmdbHarness.create();
    const first = await harness.start();
    const [unreadable, readable] = [invalidEntry(), invalidEntry()];
    await first.accept(delivery([unreadable, readable]));
    await first.idle();
    await harness.stop(first);
    await storeAsVersion(2, harness.path, unreadable.id);

    const inbox = await harness.start();

    expect(idsOf(await inbox.deadLetters.list())).toEqual([readable.id]);
    expect(harness.logs.ofXenioo('warn')).toEqual([
      expect.stringMatching(
        `^The dead letter ${unreadable.id} can't be read and is not listed: .*another version`,
      ),
    ]);
    expect((await inbox.stats()).deadLetters).toBe(2);
    expect(await inbox.deadLetters.remove(unreadable.id)).toBe(true);
  });

  it('finds the letters that match every field of a filter, however far back', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(({ entry }) =>
      'reason' in entry ? [] : [failed('Crm.save')],
    );
    const entries = Array.from({ length: 450 }, () => invalidEntry());
    await inbox.accept(delivery(entries));
    await inbox.idle();
    const [ada, bob] = [datedEvent('ada'), datedEvent('bob')];
    await inbox.accept(delivery([ada, bob]));
    await inbox.idle();
    const find = async (filter: object) =>
      (await inbox.deadLetters.list(filter)).map(({ entry }) => entry.id);

    expect(await find({ handler: 'Crm.save' })).toHaveLength(2);
    expect(await find({ conversationId: 'ada' })).toEqual([ada.id]);
    expect(await find({ eventId: bob.id, kind: 'event' })).toEqual([bob.id]);
    expect(await find({ eventId: bob.id, kind: 'invalid' })).toEqual([]);
    expect(await find({ kind: 'invalid', limit: 1_000 })).toHaveLength(450);
    expect(await find({ bot: 'another' })).toEqual([]);
  });
});

describe('LmdbInbox.deadLetters.replay()', () => {
  it('runs only the handler of the letter, without attempts', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(({ handler }) =>
      handler === undefined ? [failed('A.a'), failed('B.b')] : undefined,
    );
    const event = datedEvent();
    await inbox.accept(delivery([event]));
    await inbox.idle();

    const task = { entry: event, handler: 'A.a', attempts: 0 };
    expect(await inbox.deadLetters.replay(`${event.id}.A.a`, [task])).toBe(
      true,
    );
    await inbox.idle();

    expect(harness.runs[1]).toMatchObject({ handler: 'A.a', attempts: 0 });
    expect(idsOf(await inbox.deadLetters.list())).toEqual([`${event.id}.B.b`]);
  });

  it('bypasses deduplication and returns false without such a letter', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(() => []);
    const [invalid, event] = [invalidEntry(), datedEvent()];
    await inbox.accept(delivery([event, invalid]));
    await inbox.idle();
    const tasks = [{ entry: event, attempts: 0 }];

    expect(await inbox.deadLetters.replay(invalid.id, tasks)).toBe(true);
    expect(await inbox.deadLetters.replay(invalid.id, tasks)).toBe(false);
    await inbox.idle();

    expect(harness.ids.filter(id => id === event.id)).toHaveLength(2);
  });

  it('runs the task once when two processes replay the same letter', async () => {
    const harness = await LmdbHarness.create();
    let isBroken = true;
    const behaviour = () => (isBroken ? [failed('Crm.save')] : undefined);
    const first = await harness.start(behaviour);
    const second = await harness.start(behaviour);
    const events = Array.from({ length: 20 }, () => datedEvent());
    await first.accept(delivery(events));
    await first.idle();
    isBroken = false;

    const replayed = await Promise.all(
      events.flatMap(entry =>
        [first, second].map(inbox =>
          inbox.deadLetters.replay(`${entry.id}.Crm.save`, [
            { entry, handler: 'Crm.save', attempts: 0 },
          ]),
        ),
      ),
    );
    await first.idle();

    expect(replayed.filter(Boolean)).toHaveLength(20);
    expect(harness.runs).toHaveLength(40);
    expect(await second.deadLetters.list()).toEqual([]);
  });
});

describe('LmdbInbox `deadLetterRetentionDays`', () => {
  it('removes older letters at start and logs their number', async () => {
    const harness = await LmdbHarness.create({ deadLetterRetentionDays: 30 });
    const now = Date.now();
    const inbox = await harness.start(() => []);
    setClock(now - 31 * DAY_MS);
    const old = Array.from({ length: 250 }, () => invalidEntry());
    await inbox.accept(delivery(old));
    await inbox.idle();
    setClock(now - 29 * DAY_MS);
    const young = invalidEntry();
    await inbox.accept(delivery([young]));
    await inbox.idle();
    await harness.stop(inbox);
    vi.useRealTimers();

    const again = await harness.start();

    await expect
      .poll(() => harness.logs.ofXenioo('warn'))
      .toEqual([
        'Removed 250 dead letters older than 30 days (`deadLetterRetentionDays`).',
      ]);
    const left = await again.deadLetters.list({ limit: 1_000 });
    expect(idsOf(left)).toEqual([young.id]);
  });
});

describe('LmdbInbox with tasks of another version', () => {
  it('is idle and drains without waiting for them', async () => {
    const harness = await LmdbHarness.create();
    const folder = await LmdbFolder.open(harness.path);
    const store = new LmdbStore(folder);
    await folder.write(() => {
      store.addPending(store.nextKey(), '{"v":2}');
      store.addRetry(Date.now(), '{"v":2}');
    });
    await folder.close(10_000);
    const inbox = await harness.start();
    await inbox.accept(delivery([datedEvent()]));

    await inbox.idle();
    await inbox.drain();

    expect(harness.runs).toHaveLength(1);
    expect(await inbox.stats()).toMatchObject({ pending: 1, retries: 1 });
  });

  it('runs the other retries, however many it skips', async () => {
    const harness = await LmdbHarness.create();
    const folder = await LmdbFolder.open(harness.path);
    const store = new LmdbStore(folder);
    await folder.write(() => {
      for (let made = 0; made < 300; made++) {
        store.addRetry(Date.now(), '{"v":2}');
      }
    });
    await folder.close(10_000);
    const inbox = await harness.start(({ handler }) =>
      handler === undefined ? [retry(100)] : undefined,
    );

    await inbox.accept(delivery([datedEvent()]));
    await harness.hasRun(2);

    expect((await inbox.stats()).retries).toBeGreaterThanOrEqual(300);
  });
});

describe('LmdbInbox with a retry', () => {
  it('runs only the handler when it is due, with its attempts and the carrier of the call', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(({ handler }) =>
      handler === undefined ? [retry(100, 4)] : undefined,
    );
    const carrier = { traceparent: '00-1-2-01' };

    await inbox.accept(delivery([datedEvent()], carrier));
    await inbox.idle();

    expect(harness.runs).toMatchObject([
      { attempts: 0, carrier },
      { handler: 'Crm.tell', attempts: 4, carrier },
    ]);
  });

  it('runs it in time when the clock is set back by an hour', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(({ handler }) =>
      handler === undefined ? [retry(300)] : undefined,
    );
    await inbox.accept(delivery([datedEvent()]));
    await expect.poll(async () => (await inbox.stats()).retries).toBe(1);

    setClock(Date.now() - 3_600_000);

    await harness.hasRun(2);
  });

  it('runs it in time after a restart when the clock was set back by an hour', async () => {
    const harness = await LmdbHarness.create();
    const behaviour = ({ handler }: XeniooTask) =>
      handler === undefined ? [retry(300)] : undefined;
    setClock(Date.now() + 3_600_000);
    const inbox = await harness.start(behaviour);
    await inbox.accept(delivery([datedEvent()]));
    await expect.poll(async () => (await inbox.stats()).retries).toBe(1);
    await harness.stop(inbox);

    vi.useRealTimers();
    await harness.start(behaviour);

    await harness.hasRun(2);
  });
});
