import assert from 'node:assert/strict';
import type { ContractCases } from './inbox-contract.cases.js';
import { datedEvent, givenUp, invalidEntry } from './inbox-bench.js';

export const replayCases: ContractCases = {
  'replays the handlers of a letter, with fresh attempts': async bench => {
    const event = datedEvent();
    const inbox = await bench.start(({ entry }) =>
      bench.runs.length === 1 ? givenUp(entry) : undefined,
    );
    await inbox.accept({ entries: [event] });
    await inbox.idle();
    const { deadLetters } = inbox;
    const replay = { entries: [event], handlers: ['Crm.save'] };
    assert.equal(await deadLetters.replay(event.id, replay), true);
    assert.equal(await deadLetters.get(event.id), undefined);
    await inbox.idle();
    assert.deepEqual(bench.ids, [event.id, event.id]);
    const { progress } = bench.runs[1]!;
    assert.equal(progress?.attempted, true);
    const [failed, ...others] = progress.failed;
    assert.deepEqual(others, []);
    assert.equal(failed?.handler, 'Crm.save');
    assert.equal(failed.attempts, 0);
    assert.ok(failed.retryAt <= Date.now());
    assert.equal(await deadLetters.replay(event.id, replay), false);
    await inbox.idle();
    assert.equal(bench.runs.length, 2);
  },

  'keeps what is not replayed of a letter': async bench => {
    const event = datedEvent();
    const inbox = await bench.start(({ entry, progress }) =>
      progress ? undefined : givenUp(entry, ['Crm.save', 'Crm.tell']),
    );
    await inbox.accept({ entries: [event] });
    await inbox.idle();
    const { deadLetters } = inbox;
    await deadLetters.replay(event.id, {
      entries: [event],
      handlers: ['Crm.save'],
    });
    await inbox.idle();
    const left = await deadLetters.get(event.id);
    assert.deepEqual(
      left?.failures.map(({ handler }) => handler),
      ['Crm.tell'],
    );
  },

  'replays an invalid entry as the event that it turned out to be':
    async bench => {
      const inbox = await bench.start();
      const entry = invalidEntry();
      await inbox.accept({ entries: [entry] });
      await inbox.idle();
      const event = datedEvent();
      await inbox.deadLetters.replay(entry.id, { entries: [event] });
      await bench.until(() => bench.runs.length === 2, 'the event is handled');
      await inbox.idle();
      assert.deepEqual(bench.runs[1]!.entry, event);
      assert.equal(bench.runs[1]!.progress, undefined);
      assert.deepEqual(await inbox.deadLetters.list(), []);
    },
};
