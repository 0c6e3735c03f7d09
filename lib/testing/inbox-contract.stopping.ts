import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { XeniooInboxError } from '../xenioo.errors.js';
import {
  assertSameEntries,
  CARRIER,
  datedEvent,
  done,
  failed,
  createLatch,
  HANDLER,
  idsOf,
  invalidEntry,
  retry,
  undatedEvent,
} from './inbox-contract.fixtures.js';
import type { ContractCases, InboxTestHarness } from './inbox-test-harness.js';
import type { XeniooInboxSettings } from './xenioo.inbox-under-test.js';

export const stoppingCases: ContractCases = {
  'is idle once retries have run and dead letters are announced':
    async test => {
      const { opened, open } = createLatch();
      test.handle = async ({ task }) => [task.handler ? failed() : retry(20)];
      test.onAnnounce = async () => {
        await opened;
        await setImmediate();
        test.steps.push('announced');
      };
      await test.start();
      await test.accept([datedEvent()]);
      const isAnnounced = async () => test.announced.length > 0;
      await Promise.all([
        test.idle().then(() => test.steps.push('idle')),
        test.waitUntil(isAnnounced, 'a dead letter').finally(open),
      ]);
      assert.deepEqual(test.steps, ['announced', 'idle']);
    },

  'finishes running handlers when it drains, and still accepts calls':
    async test => {
      const { open } = await hangInHandler(test);
      await Promise.all([
        test.drain().then(() => test.steps.push('drained')),
        test.accept([undatedEvent()]).finally(open),
      ]);
      assert.equal(test.steps[0], 'handled');
    },

  'waits for running handlers when it stops, and rejects later calls':
    async test => {
      const { inbox, open } = await hangInHandler(test);
      const call = { bot: 'default', receivedAt: new Date(), entries: [] };
      await Promise.all([
        test.stop().then(() => test.steps.push('stopped')),
        assert.rejects(inbox.accept(call), XeniooInboxError).finally(open),
      ]);
      assert.deepEqual(test.steps, ['handled', 'stopped']);
      await assert.rejects(inbox.accept(call), XeniooInboxError);
      await assert.rejects(inbox.assertAccepting(), XeniooInboxError);
    },

  'stops without waiting longer than the time-out for handlers': async test => {
    const { open } = await hangInHandler(test);
    await test.stop(20);
    open();
  },
};

/** For inboxes whose tasks end with the process. */
export const volatileCases: ContractCases = {
  'runs pending tasks, and each retry once more, before it has stopped':
    async test => {
      test.handle = async ({ task: { attempts } }) => [
        retry(60_000, HANDLER, attempts + 1),
      ];
      await test.start({ concurrency: 1 });
      await test.accept([datedEvent('ada')]);
      await test.waitForStats({ retries: 1 });
      await test.drain();
      await test.accept([datedEvent('ada'), undatedEvent()]);
      await test.stop();
      assert.equal(new Set(test.ids).size, 3);
      assert.equal(test.announced.length, 3);
    },

  'runs pending tasks before it has stopped, though it is paused meanwhile':
    async test => {
      const { inbox, open } = await hangInHandler(test, { concurrency: 1 });
      await test.accept([undatedEvent()]);
      const stopped = test.stop();
      await inbox.pause();
      open();
      await stopped;
      assert.equal(test.runs.length, 2);
    },
};

/** For inboxes whose tasks survive the process. */
export const durableCases: ContractCases = {
  'runs events after a restart that were accepted before, with their carrier':
    async test => {
      await test.open();
      const events = [datedEvent('ada'), datedEvent('ada')];
      const invalid = invalidEntry();
      await test.accept([...events, invalid], CARRIER);
      await test.stop(0);
      await test.start();
      await test.idle();
      const tasks = test.runs.map(({ task }) => task);
      assertSameEntries(
        [...tasks, ...test.announced].map(({ entry }) => entry),
        [...events, invalid],
      );
      for (const { carrier } of tasks) assert.deepEqual(carrier, CARRIER);
    },

  'repeats no recorded run and no announcement after a restart': async test => {
    test.handle = async () => [done(), failed()];
    await test.start();
    await test.process([datedEvent(), invalidEntry()]);
    await test.restart();
    await test.idle();
    assert.equal(test.runs.length, 1);
    assert.equal(test.announced.length, 2);
  },

  'repeats a run after a restart that was not finished when it stopped':
    async test => {
      const { open } = await hangInHandler(test);
      await test.stop(20);
      test.handle = async () => [done()];
      await test.start();
      await test.idle();
      open();
      const [first, again, ...others] = test.runs.map(({ task }) => task);
      assert.deepEqual(others, []);
      assert.deepEqual(again!.entry, first!.entry);
      assert.equal(again!.handler, undefined);
      assert.equal(again!.attempts, 0);
    },

  'starts no task once it stops, though it is resumed meanwhile':
    async test => {
      const { inbox, open } = await hangInHandler(test, { concurrency: 1 });
      await test.accept([undatedEvent()]);
      const stopped = test.stop();
      await inbox.resume();
      open();
      await stopped;
      assert.equal(test.runs.length, 1);
    },

  'keeps a retry across a restart, with its time, attempts and carrier':
    async test => {
      const result = retry(300, 'Crm.notify', 4);
      test.handle = async ({ task: { handler } }) =>
        handler ? [done(handler)] : [done(), result];
      await test.start();
      const event = datedEvent();
      await test.accept([event], CARRIER);
      await test.waitForStats({ running: 0, retries: 1 });
      await test.restart();
      await test.idle();
      const { task, startedAt } = test.runs[1]!;
      assert.equal(test.runs.length, 2);
      assert.deepEqual(task.entry, event);
      assert.equal(task.handler, 'Crm.notify');
      assert.equal(task.attempts, 4);
      assert.deepEqual(task.carrier, CARRIER);
      assert.ok(startedAt >= result.retryAt - 1, 'the retry ran too early');
    },

  'drops duplicates of what was accepted before a restart': async test => {
    await test.start();
    const event = datedEvent();
    await test.process([event]);
    await test.restart();
    await test.process([event]);
    assert.deepEqual(test.ids, [event.id]);
  },

  'keeps dead letters and replayed ones across a restart': async test => {
    test.handle = async ({ task }) => [task.handler ? done() : failed()];
    await test.start();
    await test.process([datedEvent('ada'), invalidEntry()]);
    const before = await test.inbox.deadLetters.list();
    assert.equal(before.length, 2);
    await test.stop();
    await test.open();
    assert.deepEqual(await test.inbox.deadLetters.list(), before);
    const replayed = before.find(({ kind }) => kind === 'event')!;
    const { id, entry, handler } = replayed;
    await test.inbox.deadLetters.replay(id, [{ entry, handler, attempts: 0 }]);
    await test.stop(0);
    await test.start();
    await test.idle();
    assert.equal(test.runs.at(-1)?.task.handler, handler);
    assert.deepEqual(
      idsOf(await test.inbox.deadLetters.list()),
      idsOf(before.filter(letter => letter !== replayed)),
    );
  },
};

/** Starts an inbox in which one handler runs until the returned function is called. */
async function hangInHandler(
  test: InboxTestHarness,
  settings?: Partial<XeniooInboxSettings>,
) {
  const { opened, open } = createLatch();
  test.handle = async () => {
    await opened;
    await setImmediate();
    test.steps.push('handled');
    return [];
  };
  await test.start(settings);
  const { inbox } = test;
  await test.accept([datedEvent()]);
  await test.waitForRuns(1);
  return { inbox, open };
}
