import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooDeadLetterFilter } from '../inbox/xenioo.dead-letter-store.js';
import { XeniooDeadLetterError } from '../xenioo.errors.js';
import {
  assertSameEntries,
  datedEvent,
  done,
  failed,
  createLatch,
  HANDLER,
  idsOf,
  invalidEntry,
} from './inbox-contract.fixtures.js';
import type { ContractCases, InboxTestHarness } from './inbox-test-harness.js';

export const deadLetterCases: ContractCases = {
  'stores the dead letters of failed handlers and of invalid entries before it announces them':
    async test => {
      const result = failed('Crm.score');
      const stored: (XeniooDeadLetter | undefined)[] = [];
      const errors = new Map<string, unknown>();
      test.handle = async () => [done(), result];
      test.onAnnounce = async ({ id }, error) => {
        stored.push(await test.inbox.deadLetters.get(id));
        errors.set(id, error);
      };
      await test.start();
      const [event, invalid] = [datedEvent(), invalidEntry()];
      await test.process([event, invalid]);
      const id = `${event.id}.Crm.score`;
      const letters = await test.inbox.deadLetters.list();
      assert.deepEqual(idsOf(letters).toSorted(), [id, invalid.id].toSorted());
      assertSameEntries(test.announced, letters);
      assertSameEntries(
        stored.filter(letter => letter !== undefined),
        letters,
      );
      // Another process that announces a letter does not have the error.
      assert.ok([undefined, result.error].includes(errors.get(id) as Error));
      assert.equal(errors.get(invalid.id), undefined);
      const ofEvent = letters.find(letter => letter.id === id)!;
      assert.equal(ofEvent.kind, 'event');
      assert.deepEqual(ofEvent.entry, event);
      assert.equal(ofEvent.handler, 'Crm.score');
      assert.equal(ofEvent.attempts, 3);
      assert.equal(ofEvent.error?.message, 'Crm.score is broken');
      const ofInvalid = letters.find(letter => letter !== ofEvent)!;
      assert.equal(ofInvalid.kind, 'invalid');
      assert.deepEqual(ofInvalid.entry, invalid);
      assert.equal(ofInvalid.handler, undefined);
    },

  'runs the next events while a dead letter is announced': async test => {
    const { opened, open } = createLatch();
    test.handle = async () => [test.runs.length === 1 ? failed() : done()];
    test.onAnnounce = () => opened;
    await test.start({ concurrency: 1 });
    await test.accept([datedEvent('ada'), datedEvent('ada')]);
    await test.waitForRuns(2);
    open();
    await test.idle();
  },

  'lists dead letters in pages, the oldest first': async test => {
    await failEach(test, 5);
    const { deadLetters } = test.inbox;
    const all = test.ids.map(id => `${id}.${HANDLER}`);
    assert.deepEqual(idsOf(await deadLetters.list()), all);
    const pageAfter = async (after?: string) =>
      idsOf(await deadLetters.list({ limit: 2, after }));
    assert.deepEqual(await pageAfter(), all.slice(0, 2));
    assert.deepEqual(await pageAfter(all[1]), all.slice(2, 4));
    assert.deepEqual(await pageAfter(all[3]), all.slice(4));
    assert.deepEqual(await pageAfter(all[4]), []);
    await assert.rejects(pageAfter('none'), XeniooDeadLetterError);
  },

  'lists the dead letters that match every field of a filter': async test => {
    test.handle = async () => [failed('Crm.save'), failed('Crm.score')];
    await test.start();
    const ada = datedEvent('ada', undefined, 'shop');
    const bob = datedEvent('bob', undefined, 'support');
    const invalid = invalidEntry();
    for (const entry of [ada, bob, invalid]) await test.process([entry]);
    const expected: [XeniooDeadLetterFilter, string[]][] = [
      [{ kind: 'invalid' }, [invalid.id]],
      [{ kind: 'event' }, [ada.id, ada.id, bob.id, bob.id]],
      [{ handler: 'Crm.score' }, [ada.id, bob.id]],
      [{ handler: 'Crm' }, []],
      [{ eventId: ada.id }, [ada.id, ada.id]],
      [{ bot: 'support', handler: 'Crm.save' }, [bob.id]],
      [{ conversationId: 'ada' }, [ada.id, ada.id]],
      [{ conversationId: 'ada', bot: 'support' }, []],
    ];
    for (const [filter, ids] of expected) {
      const letters = await test.inbox.deadLetters.list(filter);
      const listed = letters.map(({ entry }) => entry.id);
      assert.deepEqual(listed, ids, JSON.stringify(filter));
    }
  },

  'removes a dead letter, and returns false if there is none': async test => {
    await failEach(test, 2);
    const { deadLetters } = test.inbox;
    const [first, second] = idsOf(await deadLetters.list());
    assert.equal(await deadLetters.remove(first!), true);
    assert.equal(await deadLetters.remove(first!), false);
    assert.equal(await deadLetters.get(first!), undefined);
    assert.deepEqual(idsOf(await deadLetters.list()), [second]);
  },

  'replays a dead letter once, though its event was accepted before':
    async test => {
      await failEach(test, 1);
      const { deadLetters } = test.inbox;
      const { id, entry } = (await deadLetters.list())[0]!;
      test.handle = async () => [done()];
      const tasks = [{ entry, handler: HANDLER, attempts: 0 }];
      const replays = [1, 2].map(() => deadLetters.replay(id, tasks));
      const replayed = await Promise.all(replays);
      assert.deepEqual(new Set(replayed), new Set([true, false]));
      assert.equal(await deadLetters.get(id), undefined);
      await test.idle();
      assert.equal(await deadLetters.replay(id, tasks), false);
      await test.idle();
      assert.equal(test.runs.length, 2);
      const { task } = test.runs[1]!;
      assert.deepEqual(task.entry, entry);
      assert.equal(task.handler, HANDLER);
      assert.equal(task.attempts, 0);
    },

  'either replays or removes a dead letter when both are called at once':
    async test => {
      const count = 40;
      await failEach(test, count);
      test.handle = async () => [done()];
      const { inbox } = test;
      const { deadLetters } = inbox;
      await inbox.pause();
      let replays = 0;
      const letters = await deadLetters.list();
      for (const [turns, { id, entry }] of letters.entries()) {
        const task = { entry, handler: HANDLER, attempts: 0 };
        const replayed = deadLetters.replay(id, [task]);
        for (let turn = 0; turn < turns; turn++) await setImmediate();
        const removed = deadLetters.remove(id);
        assert.notEqual(await replayed, await removed);
        replays += Number(await replayed);
      }
      await inbox.resume();
      await test.idle();
      assert.equal(test.runs.length, count + replays);
      assert.deepEqual(await deadLetters.list(), []);
    },

  'replays an invalid entry as the events that it now parses into':
    async test => {
      await test.start();
      const entry = invalidEntry();
      await test.process([entry]);
      const events = [datedEvent('ada'), datedEvent('bob')];
      const tasks = events.map(entry => ({ entry, attempts: 0 }));
      const { deadLetters } = test.inbox;
      assert.equal(await deadLetters.replay(entry.id, tasks), true);
      await test.idle();
      assert.deepEqual(test.ids.toSorted(), idsOf(events).toSorted());
      assert.ok(test.runs.every(({ task }) => task.handler === undefined));
      assert.deepEqual(await deadLetters.list(), []);
    },

  'stores a dead letter again, as the newest, when its replay fails':
    async test => {
      await failEach(test, 2);
      const { deadLetters } = test.inbox;
      const [first, second] = await deadLetters.list();
      const { id, entry } = first!;
      const task = { entry, handler: HANDLER, attempts: 0 };
      await deadLetters.replay(id, [task]);
      await test.idle();
      assert.deepEqual(idsOf(await deadLetters.list()), [second!.id, id]);
      assert.equal(test.announced.length, 3);
    },
};

/** Starts an inbox with a dead letter for each of `count` events, added one after another. */
async function failEach(test: InboxTestHarness, count: number): Promise<void> {
  test.handle = async () => [failed()];
  await test.start();
  for (let done = 0; done < count; done++) await test.process([datedEvent()]);
}
