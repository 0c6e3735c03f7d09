import assert from 'node:assert/strict';
import { XeniooInboxError } from '../xenioo.errors.js';
import {
  assertSameEntries,
  CARRIER,
  datedEvent,
  entriesOf,
  idsOf,
  invalidEntry,
  many,
  undatedEvent,
} from './inbox-contract.fixtures.js';
import type { ContractCases } from './inbox-test-harness.js';

/** Valid JSON that storage may change. */
const ODD_ENTRIES = [
  '{"Type":1,"Data":"\\u0000 and \\ud800 and \\udfff and 😀"}',
  '{"Type":1,"__proto__":{"a":1},"constructor":{"prototype":2}}',
  '{"Type":1,"huge":1e999,"tiny":-1e999,"zero":-0,"deep":[[[{"":null}]]]}',
  '{"Type":1,"":"","a.b":1,"$where":2,"00":3,"\\u2028":4}',
];

export const acceptingCases: ContractCases = {
  'runs each accepted event once, with the carrier of its call': async test => {
    await test.start();
    const events = [datedEvent('ada'), undatedEvent('ada'), undatedEvent()];
    await test.process(events, CARRIER);
    const tasks = test.runs.map(({ task }) => task);
    assertSameEntries(
      tasks.map(({ entry }) => entry),
      events,
    );
    for (const { handler, attempts, carrier } of tasks) {
      assert.equal(handler, undefined);
      assert.equal(attempts, 0);
      assert.deepEqual(carrier, CARRIER);
    }
  },

  'keeps unusual text, numbers and keys unchanged': async test => {
    const entries = ODD_ENTRIES.flatMap(text => entriesOf(text));
    entries.push(...entriesOf('not JSON \u0000'), invalidEntry(), datedEvent());
    await test.open();
    await test.accept(entries);
    await test.start();
    await test.idle();
    const letters = await test.inbox.deadLetters.list();
    const events = test.runs.map(({ task }) => task.entry);
    assertSameEntries(
      [...events, ...letters.map(({ entry }) => entry)],
      entries,
    );
  },

  'keeps accepted events pending, and runs none before it is started':
    async test => {
      await test.open();
      const dated = datedEvent();
      await test.accept([dated, dated, undatedEvent()]);
      assert.equal((await test.inbox.stats()).pending, 2);
      assert.deepEqual(test.runs, []);
      await test.start();
      await test.idle();
      assert.equal(test.runs.length, 2);
    },

  'accepts a call without entries': async test => {
    await test.start();
    await test.process([]);
    assert.deepEqual(test.runs, []);
  },

  'runs each of 1,000 events of one call once': async test => {
    await test.start();
    const events = many(1_000, () => datedEvent());
    await test.process(events);
    assert.deepEqual(test.ids.toSorted(), idsOf(events).toSorted());
  },

  'drops duplicates and reports them': async test => {
    await test.start();
    const event = datedEvent(undefined, undefined, 'support');
    await test.accept([event, event]);
    await test.process([event]);
    await test.process([event, datedEvent()]);
    assert.equal(test.runs.length, 2);
    const reported = test.duplicates.flatMap(({ bot, count }) =>
      many(count, () => bot),
    );
    assert.deepEqual(reported, ['support', 'support', 'support']);
  },

  'drops duplicates of calls that arrive at the same time': async test => {
    await test.start();
    const [one, other] = [datedEvent(), datedEvent()];
    const calls = [[one, other], [other, one], [one]];
    await Promise.all(calls.map(entries => test.accept(entries)));
    await test.idle();
    assert.deepEqual(test.ids.toSorted(), idsOf([one, other]).toSorted());
  },

  'drops no event without a date': async test => {
    await test.start();
    const event = undatedEvent();
    await test.accept([event, event]);
    await test.process([event]);
    assert.deepEqual(test.ids, [event.id, event.id, event.id]);
    assert.deepEqual(test.duplicates, []);
  },

  'drops nothing with `dedupe: false`': async test => {
    await test.start({ dedupe: false });
    const event = datedEvent();
    await test.accept([event, event]);
    await test.process([event]);
    assert.deepEqual(test.ids, [event.id, event.id, event.id]);
  },

  'removes the oldest ids above `maxIds`': async test => {
    await test.start({ dedupe: { ttlSeconds: 3_600, maxIds: 2 } });
    const events = [datedEvent(), datedEvent(), datedEvent()] as const;
    for (const event of events) {
      await test.accept([event]);
      const at = Date.now();
      // Ids of the same millisecond are equally old.
      await test.waitUntil(async () => Date.now() > at, 'the clock to go on');
    }
    await test.process([events[2], events[1]]);
    assert.equal(test.runs.length, 3);
    await test.process([events[0]]);
    assert.deepEqual(test.ids, idsOf([...events, events[0]]));
  },

  'accepts an event again whose first call was rejected': async test => {
    const event = datedEvent();
    await test.start({ acceptTimeoutMs: 100 });
    const { inbox } = test;
    const restore = await test.storage.interrupt?.();
    if (!restore) await test.stop();
    const call = { bot: 'default', receivedAt: new Date(), entries: [event] };
    await assert.rejects(inbox.accept(call), XeniooInboxError);
    await assert.rejects(inbox.assertAccepting(), XeniooInboxError);
    await restore?.();
    if (!restore) await test.start();
    await test.inbox.assertAccepting();
    assert.deepEqual(test.runs, []);
    await test.process([event]);
    assert.deepEqual(test.ids, [event.id]);
  },
};
