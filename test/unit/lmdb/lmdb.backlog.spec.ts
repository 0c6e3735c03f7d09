import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import type { XeniooEvent } from '../../../lib/events/xenioo.events.js';
import { storeTask } from '../../../lib/inbox/stored-form.js';
import { LmdbBacklog } from '../../../lib/lmdb/lmdb.backlog.js';
import { LmdbFolder } from '../../../lib/lmdb/lmdb.folder.js';
import { LmdbStore } from '../../../lib/lmdb/lmdb.store.js';
import { inboxPath } from '../../support/lmdb-folder.js';
import { createLatch } from '../../support/create-latch.js';
import {
  datedEvent,
  delivery,
  LmdbHarness,
  undatedEvent,
} from '../../support/lmdb-harness.js';

const eventsOf = (conversation: string, count: number) =>
  Array.from({ length: count }, () => datedEvent(conversation));

const idsOf = (events: readonly XeniooEvent[]) => events.map(({ id }) => id);

const conversationIn = ({ raw }: XeniooEntry) =>
  String((raw as Record<string, unknown>)['ConversationId']);

function runsOf(harness: LmdbHarness, conversation: string): string[] {
  return harness.runs
    .filter(({ entry }) => conversationIn(entry) === conversation)
    .map(({ entry }) => entry.id);
}

/** Holds handlers back until the test releases them. */
function createTurnstile() {
  const waiting: (() => void)[] = [];
  return {
    enter: () => new Promise<void>(resolve => waiting.push(resolve)),
    /** Releases the handler that has waited longest. */
    releaseOne: () => waiting.shift()?.(),
    releaseAll() {
      this.enter = async () => {};
      for (const leave of waiting.splice(0)) leave();
    },
  };
}

describe('LmdbInbox with 5,000 waiting events of one conversation', () => {
  it('does not delay other conversations', async () => {
    const harness = await LmdbHarness.create();
    const accepting = await harness.open();
    const talkative = eventsOf('talkative', 5_000);
    const others = [...eventsOf('ada', 3), ...eventsOf('bob', 3)];
    await accepting.accept(delivery(talkative));
    await accepting.accept(delivery(others));
    await harness.stop(accepting);

    const latch = createLatch();
    const inbox = await harness.start(({ entry }) =>
      conversationIn(entry) === 'talkative' ? latch.opened : undefined,
    );
    await harness.hasRun(1 + others.length);
    expect(runsOf(harness, 'talkative')).toEqual([talkative[0]!.id]);
    latch.open();
    await inbox.idle();

    expect(runsOf(harness, 'talkative')).toEqual(idsOf(talkative));
    expect(runsOf(harness, 'ada')).toEqual(idsOf(others.slice(0, 3)));
    expect(harness.runs).toHaveLength(5_006);
  });
});

describe('LmdbInbox with more waiting events than it holds in memory', () => {
  it('handles new events after the stored ones of their conversation', async () => {
    const harness = await LmdbHarness.create();
    const before = await harness.open();
    const crowd = Array.from({ length: 1_100 }, () => undatedEvent());
    const early = eventsOf('ada', 3);
    await before.accept(delivery([...crowd, ...early]));
    await harness.stop(before);

    const turnstile = createTurnstile();
    const inbox = await harness.start(() => turnstile.enter(), {
      concurrency: 4,
    });
    await harness.hasRun(4);
    const late = eventsOf('ada', 3);
    await inbox.accept(delivery(late));
    turnstile.releaseOne();
    await harness.hasRun(5);
    turnstile.releaseAll();
    await inbox.idle();

    expect(runsOf(harness, 'ada')).toEqual(idsOf([...early, ...late]));
    expect(harness.runs).toHaveLength(crowd.length + 6);
  });

  it('handles stored events in the order of their acceptance', async () => {
    const harness = await LmdbHarness.create();
    const accepted: string[] = [];
    for (let processes = 0; processes < 3; processes++) {
      const inbox = await harness.open();
      for (let calls = 0; calls < 10; calls++) {
        const entries = eventsOf('ada', 40);
        await inbox.accept(delivery(entries));
        accepted.push(...idsOf(entries));
      }
      await harness.stop(inbox);
    }

    const inbox = await harness.start();
    await inbox.idle();

    expect(harness.ids).toEqual(accepted);
  });

  it('handles new events after the stored ones when the clock was set back', async () => {
    const harness = await LmdbHarness.create();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
    const before = await harness.open();
    const [early, late] = [datedEvent('ada'), datedEvent('ada')];
    await before.accept(delivery([early]));
    await harness.stop(before);
    vi.useRealTimers();

    const after = await harness.open();
    await after.accept(delivery([late]));
    await after.start(harness.runner());
    await after.idle();

    expect(harness.ids).toEqual(idsOf([early, late]));
  });

  it('handles stored events of two processes in the order of their acceptance', async () => {
    const harness = await LmdbHarness.create();
    const processes = [await harness.open(), await harness.open()];
    const accepted: string[] = [];
    for (let calls = 0; calls < 40; calls++) {
      const entries = eventsOf('ada', 3);
      await processes[calls % 2]!.accept(delivery(entries));
      accepted.push(...idsOf(entries));
      const at = Date.now();
      // The clocks of the processes differ by up to a millisecond.
      await vi.waitUntil(() => Date.now() > at + 1, { interval: 1 });
    }

    const inbox = await harness.start();
    await inbox.idle();

    expect(harness.ids).toEqual(accepted);
  });
});

async function nextTurn(): Promise<void> {
  await new Promise(setImmediate);
}

/** Call, burst of calls, restart or wait. */
const anyStep = fc.oneof(
  { weight: 3, arbitrary: fc.record({ call: fc.array(fc.nat(5)) }) },
  { weight: 1, arbitrary: fc.record({ burst: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constant({ restart: true }) },
  { weight: 1, arbitrary: fc.constant({ idle: true }) },
);

describe('LmdbInbox after any sequence of calls and restarts', () => {
  it('handles each event once, and those of a conversation in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { minLength: 1, maxLength: 8 }),
        async steps => {
          const harness = await LmdbHarness.create();
          const accepted = new Map<string, string[]>();
          let inbox = await harness.start(nextTurn);
          for (const step of steps) {
            if ('restart' in step) {
              await harness.stop(inbox);
              inbox = await harness.start(nextTurn);
            } else if ('idle' in step) await inbox.idle();
            else {
              const conversations =
                'call' in step ? step.call : Array(80).fill(step.burst);
              const entries = conversations.map((conversation: number) =>
                conversation === 0
                  ? datedEvent()
                  : datedEvent(`conversation ${conversation}`),
              );
              await inbox.accept(delivery(entries));
              for (const entry of entries) {
                const name = conversationIn(entry);
                const others = accepted.get(name) ?? [];
                accepted.set(name, [...others, entry.id]);
              }
            }
          }
          await inbox.idle();
          await harness.stop(inbox);
          for (const [conversation, ids] of accepted) {
            const isFree = conversation === 'null';
            const runs = harness.runs
              .filter(({ entry }) => conversationIn(entry) === conversation)
              .map(({ entry }) => entry.id);
            expect(isFree ? runs.toSorted() : runs).toEqual(
              isFree ? ids.toSorted() : ids,
            );
          }
        },
      ),
      { numRuns: 8 },
    );
  });
});

describe('LmdbBacklog.keepInMemory()', () => {
  it('saves reading an accepted event even after earlier events were read too soon to be kept', async () => {
    const folder = await LmdbFolder.open(await inboxPath());
    const store = new LmdbStore(folder);
    const backlog = new LmdbBacklog(store, 5_000, (_, error) => {
      throw error;
    });
    const accept = async (events: readonly XeniooEvent[]) => {
      const keys = events.map(() => store.nextKey());
      await folder.write(() => {
        for (const [index, event] of events.entries()) {
          const task = { entry: event, attempts: 0 };
          store.addPending(keys[index]!, storeTask(task));
        }
      });
      folder.refresh();
      return keys;
    };
    for (let rounds = 0; rounds < 5; rounds++) {
      const events = eventsOf('ada', 30).concat(
        Array.from({ length: 2_970 }, () => undatedEvent()),
      );
      const keys = await accept(events);
      const loaded = [...backlog.load()];
      for (const [index, [, number]] of keys.entries()) {
        const task = { entry: events[index]!, attempts: 0 };
        backlog.keepInMemory(number, task, 300);
      }
      expect(loaded).toHaveLength(3_000);
      const more = loaded.flatMap(one => [...backlog.loadAfter(one)]);
      expect(more).toEqual([]);
    }

    const event = datedEvent();
    const [[, number]] = (await accept([event])) as [[number, number]];
    backlog.keepInMemory(number, { entry: event, attempts: 0 }, 300);
    const [last] = [...backlog.load()];

    expect(last?.task.entry).toBe(event);
    await folder.close(1_000);
  });
});
