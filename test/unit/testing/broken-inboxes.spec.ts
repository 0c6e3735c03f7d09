import { Logger } from '@nestjs/common';
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import type { XeniooDelivery } from '../../../lib/events/xenioo-delivery.js';
import type { XeniooTask } from '../../../lib/handlers/xenioo-task.js';
import type { XeniooRunRecord } from '../../../lib/inbox/record-run.js';
import type { XeniooDeadLetterQuery } from '../../../lib/inbox/xenioo.dead-letter-store.js';
import type {
  XeniooInbox,
  XeniooRunner,
} from '../../../lib/inbox/xenioo.inbox.js';
import { xeniooInboxContract } from '../../../lib/testing/inbox-contract.js';
import type { XeniooInboxSettings } from '../../../lib/testing/xenioo.inbox-under-test.js';
import { LogRecorder } from '../../support/log-recorder.js';
import {
  ReferenceInbox,
  ReferenceStorage,
  type Pending,
} from '../../support/reference-inbox.js';

type Query = XeniooDeadLetterQuery;
type Settings = XeniooInboxSettings;

/** Returns an inbox class that changes its settings. */
const inboxWithSettings = (changed: Partial<Settings>) =>
  class extends ReferenceInbox {
    constructor(storage: ReferenceStorage, settings: Settings) {
      super(storage, { ...settings, ...changed });
    }
  };

/** Returns an inbox class that changes the record of each run. */
const inboxWithRecord = (
  change: (record: XeniooRunRecord) => XeniooRunRecord,
) =>
  class extends ReferenceInbox {
    override record(pending: Pending, record: XeniooRunRecord) {
      super.record(pending, change(record));
    }
  };

/** Returns an inbox class that changes the task of each retry. */
const inboxWithRetry = (change: (task: XeniooTask) => XeniooTask) =>
  inboxWithRecord(record => ({
    ...record,
    retries: record.retries.map(({ task, dueAt }) => ({
      task: change(task),
      dueAt,
    })),
  }));

/** Returns an inbox class that changes its store of dead letters. */
const inboxWithDeadLetters = (
  change: (store: XeniooInbox['deadLetters']) => object,
): typeof ReferenceInbox =>
  class extends ReferenceInbox {
    constructor(storage: ReferenceStorage, settings: Settings) {
      super(storage, settings);
      Object.assign(this.deadLetters, change({ ...this.deadLetters }));
    }
  };

/** Broken inboxes, each with the first words of the cases that it must fail. */
const BROKEN: Record<string, [typeof ReferenceInbox, ...string[]]> = {
  'runs events twice': [
    class extends ReferenceInbox {
      override start(runner: XeniooRunner) {
        const run: XeniooRunner['run'] = async (task, options) => {
          await runner.run(task, options);
          return runner.run(task, options);
        };
        return super.start({ ...runner, run });
      }
    },
    'runs each accepted event once',
  ],
  'loses an entry of a large call': [
    class extends ReferenceInbox {
      override accept(delivery: XeniooDelivery) {
        const entries = delivery.entries.slice(0, 999);
        return super.accept({ ...delivery, entries });
      }
    },
    'runs each of 1,000 events of one call once',
    'runs a conversation in the order of its calls',
  ],
  'accepts another call between the entries of a large one': [
    class extends ReferenceInbox {
      override async accept({ entries, ...delivery }: XeniooDelivery) {
        for (let from = 0; from < entries.length; from += 1_000) {
          const slice = entries.slice(from, from + 1_000);
          await super.accept({ ...delivery, entries: slice });
          await setImmediate();
        }
      }
    },
    'runs a conversation in the order of its calls',
  ],
  'loses accepted events when it stops at once': [
    class extends ReferenceInbox {
      override async accept(delivery: XeniooDelivery) {
        setTimeout(() => void super.accept(delivery).catch(() => {}), 20);
      }
    },
    'keeps accepted events pending',
    'runs events after a restart that were accepted before',
  ],
  'forgets the carrier of a call': [
    class extends ReferenceInbox {
      override accept({ carrier: _carrier, ...delivery }: XeniooDelivery) {
        return super.accept(delivery);
      }
    },
    'runs each accepted event once, with the carrier',
    'runs events after a restart that were accepted before',
  ],
  'changes unusual numbers': [
    class extends ReferenceInbox {
      override add(task: XeniooTask, dueAt?: number) {
        const { raw } = task.entry;
        const spoiled = Object.assign(Object.create(task.entry), {
          raw: JSON.parse(JSON.stringify(raw)),
        }) as XeniooEntry;
        super.add({ ...task, entry: spoiled }, dueAt);
      }
    },
    'keeps unusual text, numbers and keys unchanged',
  ],
  'does not deduplicate': [
    inboxWithSettings({ dedupe: false }),
    'drops duplicates and reports them',
    'drops duplicates of calls that arrive at the same time',
    'removes the oldest ids above `maxIds`',
    'drops duplicates of what was accepted before a restart',
  ],
  'deduplicates with `dedupe: false`': [
    inboxWithSettings({ dedupe: { ttlSeconds: 3_600, maxIds: 10_000 } }),
    'drops nothing with `dedupe: false`',
    'removes the oldest ids above `maxIds`',
  ],
  'drops undated events that are equal': [
    class extends ReferenceInbox {
      override isNew({ id }: XeniooEntry) {
        return !this.storage.ids.has(id) && !!this.storage.ids.add(id);
      }
    },
    'drops no event without a date',
  ],
  'reports no duplicates': [
    class extends ReferenceInbox {
      override start(runner: XeniooRunner) {
        return super.start({ ...runner, reportDuplicates() {} });
      }
    },
    'drops duplicates and reports them',
  ],
  'keeps the claims of a rejected call': [
    class extends ReferenceInbox {
      override accept(delivery: XeniooDelivery) {
        if (this.storage.isDown) delivery.entries.map(e => this.isNew(e));
        return super.accept(delivery);
      }
    },
    'accepts an event again whose first call was rejected',
  ],
  'runs events in the order of their arrival': [
    class extends ReferenceInbox {
      override inOrder(entries: readonly XeniooEntry[]) {
        return entries;
      }
    },
    'runs a conversation in the order of its dates',
  ],
  'runs events of one conversation concurrently': [
    class extends ReferenceInbox {
      override keyOf() {
        return undefined;
      }
    },
    'runs a conversation one event after another',
    'runs conversations, and events of none, concurrently',
  ],
  'runs one task at a time': [
    inboxWithSettings({ concurrency: 1 }),
    'runs no more than `concurrency` tasks at once',
    'runs conversations, and events of none, concurrently',
  ],
  'runs any number of tasks at once': [
    inboxWithSettings({ concurrency: 1_000 }),
    'runs no more than `concurrency` tasks at once',
  ],
  'blocks a conversation while a retry of it waits or runs': [
    class extends ReferenceInbox {
      override keyOf({ entry }: XeniooTask) {
        return 'conversationId' in entry ? entry.conversationId : undefined;
      }
    },
    'delays no other task because of a retry',
  ],
  'retries at once': [
    class extends ReferenceInbox {
      override isDue() {
        return true;
      }
    },
    'retries a handler alone when it is due',
    'keeps a retry across a restart',
  ],
  'retries all handlers': [
    inboxWithRetry(({ handler: _handler, ...task }) => task),
    'retries a handler alone when it is due',
    'records each handler of a run independently',
  ],
  'forgets the attempts of a retry': [
    inboxWithRetry(task => ({ ...task, attempts: 0 })),
    'retries a handler alone when it is due',
    'keeps a retry across a restart',
  ],
  'forgets the carrier of a retry': [
    inboxWithRetry(task => ({ ...task, carrier: undefined })),
    'retries a handler alone when it is due',
    'keeps a retry across a restart',
  ],
  'records only the first result of a run': [
    inboxWithRecord(({ retries, deadLetters }) => ({
      retries,
      deadLetters: retries.length > 0 ? [] : deadLetters,
    })),
    'records each handler of a run independently',
    'counts pending and running tasks',
  ],
  'stores no dead letters': [
    inboxWithRecord(record => ({ ...record, deadLetters: [] })),
    'stores the dead letters of failed handlers',
    'lists dead letters in pages',
  ],
  'announces a dead letter before storing it': [
    class extends ReferenceInbox {
      override record(pending: Pending, record: XeniooRunRecord) {
        setTimeout(() => super.record(pending, record), 5);
      }
    },
    'stores the dead letters of failed handlers',
  ],
  'announces no dead letters': [
    class extends ReferenceInbox {
      override start(runner: XeniooRunner) {
        return super.start({ ...runner, announce: async () => {} });
      }
    },
    'stores the dead letters of failed handlers',
    'is idle once retries have run',
    'runs events after a restart that were accepted before',
  ],
  'waits for each announcement': [
    class extends ReferenceInbox {
      override get isHeld() {
        return super.isHeld || this.announcing > 0;
      }
    },
    'runs the next events while a dead letter is announced',
  ],
  'lists every dead letter on each page': [
    inboxWithDeadLetters(({ list }) => ({
      list: ({ limit: _limit, after: _after, ...filter }: Query = {}) =>
        list(filter),
    })),
    'lists dead letters in pages',
  ],
  'lists the newest dead letter first': [
    inboxWithDeadLetters(({ list }) => ({
      list: async (query: object) => (await list(query)).toReversed(),
    })),
    'lists dead letters in pages',
  ],
  'lists dead letters of other conversations': [
    inboxWithDeadLetters(({ list }) => ({
      list: ({ conversationId: _other, ...query }: Query = {}) => list(query),
    })),
    'lists the dead letters that match every field of a filter',
  ],
  'removes no dead letter': [
    inboxWithDeadLetters(({ get }) => ({
      remove: async (id: string) => (await get(id)) !== undefined,
    })),
    'removes a dead letter',
  ],
  'replays a dead letter on every request': [
    inboxWithDeadLetters(({ replay }) => ({
      replay: async (id: string, tasks: XeniooTask[]) => {
        const isReplayed = await replay(id, tasks);
        return isReplayed || tasks.length > 0;
      },
    })),
    'replays a dead letter once',
  ],
  'keeps a replayed dead letter': [
    class extends ReferenceInbox {
      override add(task: XeniooTask) {
        const { entry, handler } = task;
        const letter = handler && `${entry.id}.${handler}`;
        if (letter) this.storage.letters.set(letter, '{}');
        super.add(task);
      }
    },
    'replays a dead letter once',
  ],
  'replays no dead letter': [
    inboxWithDeadLetters(({ remove }) => ({ replay: remove })),
    'replays a dead letter once',
    'replays an invalid entry',
    'stores a dead letter again',
    'keeps dead letters and replayed ones across a restart',
  ],
  'does not pause': [
    class extends ReferenceInbox {
      override async pause() {}
    },
    'starts no task while it is paused',
    'starts no retry while it is paused',
  ],
  'does not resume': [
    class extends ReferenceInbox {
      override async resume() {}
    },
    'starts no task while it is paused',
    'starts no retry while it is paused',
  ],
  'rejects calls while it is paused': [
    class extends ReferenceInbox {
      override async pause() {
        await super.pause();
        this.storage.isDown = true;
      }
    },
    'starts no task while it is paused',
  ],
  'reports no counts': [
    class extends ReferenceInbox {
      override async stats() {
        return { pending: 0, running: 0, retries: 0, deadLetters: 0 };
      }
    },
    'keeps accepted events pending',
    'counts pending and running tasks',
  ],
  'reports to be idle too early': [
    class extends ReferenceInbox {
      override async idle() {}
    },
    'is idle once retries have run',
  ],
  'does not wait for running handlers': [
    class extends ReferenceInbox {
      override async drain() {}
    },
    'finishes running handlers when it drains',
    'waits for running handlers when it stops',
  ],
  'rejects calls while it drains': [
    class extends ReferenceInbox {
      override drain() {
        this.storage.isDown = true;
        return super.drain();
      }
    },
    'finishes running handlers when it drains',
  ],
  'accepts calls after it has stopped': [
    class extends ReferenceInbox {
      override async stop() {
        await this.drain();
      }
    },
    'waits for running handlers when it stops, and rejects later calls',
    'stops without waiting longer than the time-out',
  ],
  'removes a task before its run is recorded': [
    class extends ReferenceInbox {
      override isDue(pending: Pending) {
        const { tasks } = this.storage;
        tasks.splice(
          0,
          tasks.length,
          ...tasks.filter(t => t !== pending.stored),
        );
        return super.isDue(pending);
      }
    },
    'repeats a run after a restart that was not finished',
  ],
};

/** Returns those of the given cases that an inbox fails. */
async function failedCasesOf(
  inbox: typeof ReferenceInbox,
  names: readonly string[],
  isDurable = true,
): Promise<readonly string[]> {
  const contract = xeniooInboxContract({
    isDurable,
    waitMs: 100,
    createStorage: async () => new ReferenceStorage(inbox, isDurable),
  });
  const failed: string[] = [];
  for (const name of names) {
    const found = contract.find(other => other.name.startsWith(name));
    if (!found) throw new Error(`No case begins with “${name}”.`);
    await found.run().catch(() => failed.push(name));
  }
  return failed;
}

describe('the inbox contract fails an inbox that', () => {
  beforeEach(() => Logger.overrideLogger(new LogRecorder()));

  it.each(Object.entries(BROKEN))(
    '%s',
    { timeout: 60_000 },
    async (_name, [inbox, ...cases]) => {
      expect(await failedCasesOf(inbox, cases)).toEqual(cases);
    },
  );

  it(
    'claims to be durable but loses its data',
    { timeout: 60_000 },
    async () => {
      class Volatile extends ReferenceInbox {
        constructor(_storage: ReferenceStorage, settings: Settings) {
          super(new ReferenceStorage(), settings);
        }
      }

      const cases = [
        'runs events after a restart that were accepted before',
        'repeats a run after a restart that was not finished',
        'keeps a retry across a restart',
        'drops duplicates of what was accepted before a restart',
        'keeps dead letters and replayed ones across a restart',
      ];
      expect(await failedCasesOf(Volatile, cases)).toEqual(cases);
    },
  );

  it('is volatile and drops its retries on stop', async () => {
    class Careless extends ReferenceInbox {
      override isDue(pending: Pending) {
        return pending.dueAt <= Date.now();
      }
    }

    const cases = ['runs pending tasks, and each retry once more'];
    expect(await failedCasesOf(Careless, cases, false)).toEqual(cases);
  });
});
