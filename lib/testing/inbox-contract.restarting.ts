import assert from 'node:assert/strict';
import type { ContractCases } from './inbox-contract.cases.js';
import {
  datedEvent,
  gate,
  givenUp,
  invalidEntry,
  toBeRetried,
} from './inbox-bench.js';

export const restartingCases: ContractCases = {
  'hands over after a restart what was accepted before': async bench => {
    const inbox = await bench.open();
    const entries = [datedEvent('ada'), datedEvent('ada'), invalidEntry()];
    await inbox.accept({ entries });
    await bench.stop(inbox);
    const again = await bench.start();
    await again.idle();
    assert.deepEqual(bench.ids.toSorted(), entries.map(e => e.id).toSorted());
    for (const { entry } of bench.runs) {
      assert.deepEqual(
        entry,
        entries.find(({ id }) => id === entry.id),
      );
    }
  },

  'hands over after a restart nothing that was handled before': async bench => {
    const inbox = await bench.start();
    await inbox.accept({ entries: [datedEvent(), invalidEntry()] });
    await inbox.idle();
    await bench.stop(inbox);
    const again = await bench.start();
    await again.idle();
    assert.equal(bench.runs.length, 2);
  },

  'knows after a restart which handlers were done in an attempt that did not end':
    async bench => {
      const { opened, open } = gate();
      const inbox = await bench.start(async ({ onHandled }) => {
        onHandled?.('Crm.save');
        onHandled?.('Crm.tell');
        await opened;
      });
      const event = datedEvent();
      await inbox.accept({ entries: [event] });
      await bench.until(() => bench.runs.length === 1, 'the handlers run');
      await bench.stop(inbox, 50);
      const again = await bench.start();
      await again.idle();
      open();
      assert.deepEqual(bench.ids, [event.id, event.id]);
      const { progress } = bench.runs[1]!;
      assert.equal(progress?.attempted, false);
      assert.deepEqual(progress.done, ['Crm.save', 'Crm.tell']);
    },

  'goes on after a restart with what waits for a retry': async bench => {
    const settlement = toBeRetried(300);
    const inbox = await bench.start(() => settlement);
    const event = datedEvent();
    await inbox.accept({ entries: [event] });
    await bench.until(() => bench.runs.length === 1, 'the first attempt');
    await bench.stop(inbox);
    const again = await bench.start();
    await again.idle();
    assert.deepEqual(bench.ids, [event.id, event.id]);
    const { progress, at } = bench.runs[1]!;
    assert.deepEqual(progress, settlement.progress);
    assert.ok(at >= settlement.retryAt!, 'the retry came too early');
  },

  'drops after a restart what was accepted before': async bench => {
    const inbox = await bench.start();
    const event = datedEvent();
    await inbox.accept({ entries: [event] });
    await inbox.idle();
    await bench.stop(inbox);
    const again = await bench.start();
    await again.accept({ entries: [event] });
    await again.idle();
    assert.deepEqual(bench.ids, [event.id]);
  },

  'keeps dead letters over a restart': async bench => {
    const inbox = await bench.start(({ entry }) =>
      'reason' in entry ? undefined : givenUp(entry),
    );
    await inbox.accept({ entries: [datedEvent(), invalidEntry()] });
    await inbox.idle();
    const before = await inbox.deadLetters.list();
    await bench.stop(inbox);
    const again = await bench.open();
    assert.equal(before.length, 2);
    assert.deepEqual(await again.deadLetters.list(), before);
  },
};
