import assert from 'node:assert/strict';
import type { XeniooDeadLetter } from '../inbox/dead-letter.js';
import type { XeniooInbox } from '../inbox/xenioo.inbox.js';
import { XeniooDeadLetterError } from '../xenioo.errors.js';
import type { ContractCases } from './inbox-contract.cases.js';
import {
  datedEvent,
  gate,
  givenUp,
  invalidEntry,
  settled,
  toBeRetried,
  type Bench,
} from './inbox-bench.js';

export const deadLetterCases: ContractCases = {
  'keeps an invalid entry as a dead letter when it is accepted':
    async bench => {
      const inbox = await bench.open();
      const entry = invalidEntry();
      await inbox.accept({ entries: [entry] });
      const letter = await inbox.deadLetters.get(entry.id);
      assert.equal(letter?.kind, 'invalid');
      assert.deepEqual(letter.entry, entry);
      assert.deepEqual(letter.failures, []);
    },

  'keeps what handlers gave up on, before that is announced': async bench => {
    let told: XeniooDeadLetter | undefined;
    const event = datedEvent();
    const inbox = await bench.start(({ entry }) =>
      givenUp(entry, ['Crm.save', 'Crm.tell'], async () => {
        told = await inbox.deadLetters.get(event.id);
      }),
    );
    await inbox.accept({ entries: [event] });
    await inbox.idle();
    assert.equal(told?.kind, 'event');
    assert.deepEqual(told.entry, event);
    assert.deepEqual(
      told.failures.map(({ handler, attempts, error }) => [
        handler,
        attempts,
        error.message,
      ]),
      [
        ['Crm.save', 3, 'Crm.save is broken'],
        ['Crm.tell', 3, 'Crm.tell is broken'],
      ],
    );
    assert.ok(told.deadLetteredAt.getTime() <= Date.now());
  },

  'goes on while those who are told of a failure take their time':
    async bench => {
      const { opened, open } = gate();
      const inbox = await bench.start(
        ({ entry }) =>
          entry.id === first.id
            ? givenUp(entry, ['Crm.save'], () => opened)
            : undefined,
        { concurrency: 1 },
      );
      const [first, second] = [datedEvent('ada'), datedEvent('ada')];
      await inbox.accept({ entries: [first, second] });
      await bench.until(() => bench.runs.length === 2, 'the second is handled');
      open();
      await inbox.idle();
    },

  'makes one letter of handlers that give up one after another':
    async bench => {
      const inbox = await bench.start(({ entry, progress }) =>
        progress
          ? givenUp(entry, ['Crm.tell'])
          : settled({
              ...toBeRetried(10),
              failures: givenUp(entry, ['Crm.save']).failures,
            }),
      );
      await inbox.accept({ entries: [datedEvent()] });
      await inbox.idle();
      const letters = await inbox.deadLetters.list();
      assert.equal(letters.length, 1);
      assert.deepEqual(
        letters[0]!.failures.map(({ handler }) => handler).toSorted(),
        ['Crm.save', 'Crm.tell'],
      );
    },

  'lists letters in pages, and by kind and handler': async bench => {
    const inbox = await deadInbox(bench, 5);
    await inbox.accept({ entries: [invalidEntry()] });
    await inbox.idle();
    const { deadLetters } = inbox;
    const all = await deadLetters.list();
    assert.equal(all.length, 6);
    const pages: string[] = [];
    for (;;) {
      const page = await deadLetters.list({ limit: 4, after: pages.at(-1) });
      if (page.length === 0) break;
      pages.push(...page.map(({ id }) => id));
    }
    assert.deepEqual(
      pages,
      all.map(({ id }) => id),
    );
    const lengthOf = async (query: Parameters<typeof deadLetters.list>[0]) =>
      (await deadLetters.list(query)).length;
    assert.equal(await lengthOf({ kind: 'invalid' }), 1);
    assert.equal(await lengthOf({ kind: 'event', limit: 3 }), 3);
    assert.equal(await lengthOf({ handler: 'Crm.save' }), 5);
    assert.equal(await lengthOf({ handler: 'Crm.none' }), 0);
    await assert.rejects(
      deadLetters.list({ after: 'none' }),
      XeniooDeadLetterError,
    );
  },

  'removes a letter, and tells whether there was one': async bench => {
    const inbox = await deadInbox(bench, 2);
    const [first, second] = await inbox.deadLetters.list();
    assert.equal(await inbox.deadLetters.remove(first!.id), true);
    assert.equal(await inbox.deadLetters.remove(first!.id), false);
    assert.equal(await inbox.deadLetters.get(first!.id), undefined);
    const left = await inbox.deadLetters.list();
    assert.deepEqual(
      left.map(({ id }) => id),
      [second!.id],
    );
  },
};

/** An inbox with so many letters of `Crm.save`. */
async function deadInbox(bench: Bench, letters: number): Promise<XeniooInbox> {
  const inbox = await bench.start(({ entry }) =>
    'reason' in entry ? undefined : givenUp(entry),
  );
  for (let count = 0; count < letters; count++) {
    await inbox.accept({ entries: [datedEvent()] });
    await inbox.idle();
  }
  return inbox;
}
