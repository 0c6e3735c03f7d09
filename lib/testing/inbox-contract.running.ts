import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import {
  CARRIER,
  datedEvent,
  done,
  failed,
  createLatch,
  idsOf,
  many,
  retry,
  undatedEvent,
} from './inbox-contract.fixtures.js';
import type { ContractCases } from './inbox-test-harness.js';

export const runningCases: ContractCases = {
  'runs no more than `concurrency` tasks at once': async test => {
    const { opened, open } = createLatch();
    let [running, most] = [0, 0];
    test.handle = async () => {
      most = Math.max(most, ++running);
      await opened;
      running--;
      return [];
    };
    await test.start({ concurrency: 3 });
    await test.accept(many(50, () => undatedEvent()));
    await test.waitForRuns(3);
    open();
    await test.idle();
    assert.equal(test.runs.length, 50);
    assert.equal(most, 3);
  },

  'retries a handler alone when it is due, with its attempts and its carrier':
    async test => {
      const results = [retry(30, 'Crm.notify', 1), retry(60, 'Crm.notify', 2)];
      test.handle = async () => [
        results[test.runs.length - 1] ?? done('Crm.notify'),
      ];
      await test.start();
      const event = datedEvent();
      await test.process([event], CARRIER);
      const [, ...retries] = test.runs;
      assert.equal(retries.length, 2);
      for (const [index, { task, startedAt }] of retries.entries()) {
        assert.deepEqual(task.entry, event);
        assert.equal(task.handler, 'Crm.notify');
        assert.equal(task.attempts, index + 1);
        assert.deepEqual(task.carrier, CARRIER);
        const earlyMs = results[index]!.retryAt - startedAt;
        // A timer may fire up to a millisecond early.
        assert.ok(earlyMs <= 1, `retry ${index + 1} ran ${earlyMs} ms early`);
      }
    },

  'delays no other task because of a retry': async test => {
    const { opened, open } = createLatch();
    const waits = datedEvent('ada');
    const hangs = datedEvent('ada');
    const next = datedEvent('ada');
    test.handle = async ({ task }) => {
      if (task.handler) await opened;
      else if (task.entry.id === waits.id) return [retry(60_000)];
      else if (task.entry.id === hangs.id) return [retry(0)];
      return [];
    };
    await test.start({ concurrency: 2 });
    await test.accept([waits, hangs]);
    await test.waitForRuns(3);
    await test.accept([next]);
    await test.waitForRuns(4);
    assert.deepEqual(
      test.ids.toSorted(),
      idsOf([waits, hangs, hangs, next]).toSorted(),
    );
    open();
    await test.waitForStats({ pending: 0, running: 0, retries: 1 });
  },

  'records each handler of a run independently': async test => {
    test.handle = async ({ task: { handler } }) =>
      handler
        ? [done(handler)]
        : [done('Crm.save'), retry(0, 'Crm.notify'), failed('Crm.score')];
    await test.start();
    const event = datedEvent();
    await test.process([event]);
    const handlers = test.runs.map(({ task }) => task.handler);
    assert.deepEqual(handlers, [undefined, 'Crm.notify']);
    const letters = await test.inbox.deadLetters.list();
    assert.deepEqual(idsOf(letters), [`${event.id}.Crm.score`]);
  },

  'counts pending and running tasks, retries and dead letters': async test => {
    const { opened, open } = createLatch();
    test.handle = async () => {
      await opened;
      return [retry(60_000, 'Crm.notify'), failed('Crm.score')];
    };
    await test.start({ concurrency: 1 });
    const [first, second] = [datedEvent('ada'), datedEvent('ada')];
    await test.accept([first, second]);
    await test.waitForStats({ pending: 2, running: 1 });
    const { oldestPendingAt } = await test.inbox.stats();
    assert.deepEqual(oldestPendingAt, first.receivedAt);
    open();
    await test.waitForStats({
      pending: 0,
      running: 0,
      retries: 2,
      deadLetters: 2,
      oldestPendingAt: undefined,
    });
  },

  'starts no task while it is paused, and still accepts calls': async test => {
    await test.start();
    await test.inbox.pause();
    await test.accept([datedEvent('ada'), undatedEvent()]);
    await test.waitForStats({ pending: 2, running: 0 });
    assert.deepEqual(test.runs, []);
    await test.inbox.resume();
    await test.idle();
    assert.equal(test.runs.length, 2);
  },

  'starts no retry while it is paused': async test => {
    let paused: Promise<void> | undefined;
    test.handle = async () => {
      if (paused) return [];
      // Pausing may wait for this run.
      paused = test.inbox.pause();
      return [retry(0)];
    };
    await test.start();
    await test.accept([datedEvent()]);
    await test.waitForStats({ running: 0, retries: 1 });
    await paused;
    assert.equal(test.runs.length, 1);
    await test.inbox.resume();
    await test.idle();
    assert.equal(test.runs.length, 2);
  },
};

/** For inboxes that keep the order of a conversation. */
export const orderCases: ContractCases = {
  'runs a conversation in the order of its dates, to the seventh digit; an undated event keeps its place':
    async test => {
      await test.start();
      const third = datedEvent('ada', 5_750_058);
      const first = datedEvent('ada', 5_750_056);
      const undated = undatedEvent('ada');
      const second = datedEvent('ada', 5_750_057);
      await test.process([third, first, undated, second]);
      assert.deepEqual(test.ids, idsOf([first, second, undated, third]));
    },

  'runs a conversation one event after another, across calls': async test => {
    let [running, most] = [0, 0];
    test.handle = async () => {
      most = Math.max(most, ++running);
      await setImmediate();
      running--;
      return [];
    };
    await test.start();
    const events = many(60, () => datedEvent('ada'));
    for (let from = 0; from < events.length; from += 7) {
      await test.accept(events.slice(from, from + 7));
    }
    await test.idle();
    assert.equal(most, 1);
    assert.deepEqual(test.ids, idsOf(events));
  },

  'runs a conversation in the order of its calls, however large they are':
    async test => {
      await test.start();
      const large = many(4_500, () => datedEvent('ada'));
      const small = datedEvent('ada');
      await Promise.all([
        test.accept(large),
        setImmediate().then(() => test.accept([small])),
      ]);
      await test.idle();
      assert.deepEqual(test.ids, idsOf([...large, small]));
    },

  'runs conversations, and events of none, concurrently': async test => {
    const { opened, open } = createLatch();
    const [first, second] = [datedEvent('ada'), datedEvent('ada')];
    const others = [datedEvent('bob'), undatedEvent(), datedEvent('cyd')];
    test.handle = async ({ task }) => {
      if (task.entry.id === first.id) await opened;
      return [];
    };
    await test.start();
    await test.accept([first, second, ...others]);
    await test.waitForRuns(4);
    assert.deepEqual(test.ids.toSorted(), idsOf([first, ...others]).toSorted());
    open();
    await test.idle();
    assert.equal(test.ids.at(-1), second.id);
  },
};
