import assert from 'node:assert/strict';
import type { ContractCases } from './inbox-contract.cases.js';
import { datedEvent, gate, toBeRetried, undatedEvent } from './inbox-bench.js';

export function dispatchingCases(keepsOrder: boolean): ContractCases {
  return { ...attemptCases, ...(keepsOrder && orderCases) };
}

const attemptCases: ContractCases = {
  'hands an entry over again when it is due, with its progress':
    async bench => {
      const first = toBeRetried(30, 1);
      const second = toBeRetried(60, 2);
      const inbox = await bench.start(
        () => [first, second][bench.runs.length - 1],
      );
      const event = datedEvent();
      await inbox.accept({ entries: [event] });
      await inbox.idle();
      assert.deepEqual(bench.ids, [event.id, event.id, event.id]);
      const [, again, last] = bench.runs;
      assert.deepEqual(again!.progress, first.progress);
      assert.deepEqual(last!.progress, second.progress);
      assert.ok(
        again!.at >= first.retryAt!,
        'the second attempt came too early',
      );
      assert.ok(
        last!.at >= second.retryAt!,
        'the third attempt came too early',
      );
    },

  'lets a retry hold nothing back': async bench => {
    const inbox = await bench.start(
      ({ progress, entry }) =>
        !progress && entry.id === first.id ? toBeRetried(200) : undefined,
      { concurrency: 1 },
    );
    const [first, second] = [datedEvent('ada'), datedEvent('ada')];
    await inbox.accept({ entries: [first, second] });
    await inbox.idle();
    assert.deepEqual(bench.ids, [first.id, second.id, first.id]);
  },

  'hands over no more than `concurrency` at once': async bench => {
    let [running, most] = [0, 0];
    const { opened, open } = gate();
    const inbox = await bench.start(
      async () => {
        most = Math.max(most, ++running);
        await opened;
        await new Promise(setImmediate);
        running--;
      },
      { concurrency: 3 },
    );
    const entries = Array.from({ length: 50 }, () => undatedEvent());
    await inbox.accept({ entries });
    await bench.until(() => most >= 3, 'three are handled at once');
    open();
    await inbox.idle();
    assert.equal(bench.runs.length, 50);
    assert.equal(most, 3);
  },

  'goes on while handlers hang': async bench => {
    const { opened, open } = gate();
    const hanging = Array.from({ length: 10 }, () => undatedEvent());
    const isHanging = new Set(hanging.map(({ id }) => id));
    const inbox = await bench.start(
      ({ entry }) => (isHanging.has(entry.id) ? opened : undefined),
      { concurrency: 11 },
    );
    await inbox.accept({ entries: hanging });
    const others = Array.from({ length: 20 }, () => undatedEvent());
    await inbox.accept({ entries: others });
    await bench.until(() => bench.runs.length === 30, 'the others are handled');
    open();
    await inbox.idle();
  },
};

const orderCases: ContractCases = {
  'hands over a conversation in the order of its dates, all seven digits':
    async bench => {
      const inbox = await bench.start();
      const [third, first, second] = [
        datedEvent('ada', '2024-05-01T12:00:00.5750058+00:00'),
        datedEvent('ada', '2024-05-01T12:00:00.5750056+00:00'),
        datedEvent('ada', '2024-05-01T12:00:00.5750057+00:00'),
      ];
      await inbox.accept({ entries: [third, first, second] });
      await inbox.idle();
      assert.deepEqual(bench.ids, [first.id, second.id, third.id]);
    },

  'hands over a conversation one after another, across calls': async bench => {
    const running = new Set<string>();
    const inbox = await bench.start(async ({ entry }) => {
      assert.ok(!running.has('ada'), 'two of one conversation at once');
      running.add('ada');
      await new Promise(resolve => setTimeout(resolve, 1));
      running.delete('ada');
      bench.steps.push(entry.id);
    });
    const events = Array.from({ length: 60 }, () => datedEvent('ada'));
    for (let from = 0; from < events.length; from += 7) {
      await inbox.accept({ entries: events.slice(from, from + 7) });
    }
    await inbox.idle();
    assert.deepEqual(
      bench.steps,
      events.map(({ id }) => id),
    );
  },

  'hands over a conversation in the order of its calls, however large they are':
    async bench => {
      const dedupe = { ttlSeconds: 3_600, maxIds: 10_000 };
      const inbox = await bench.start(undefined, { dedupe });
      const large = Array.from({ length: 4_500 }, () => datedEvent('ada'));
      const small = datedEvent('ada');
      const accepted = inbox.accept({ entries: large });
      await new Promise(resolve => setImmediate(resolve));
      await inbox.accept({ entries: [small] });
      await accepted;
      await inbox.idle();
      assert.deepEqual(
        bench.ids,
        [...large, small].map(({ id }) => id),
      );
    },

  'hands over conversations, and what is in none, side by side':
    async bench => {
      const { opened, open } = gate();
      const first = datedEvent('ada');
      const inbox = await bench.start(({ entry }) =>
        entry.id === first.id ? opened : undefined,
      );
      const others = [datedEvent('bob'), undatedEvent(), datedEvent('cyd')];
      await inbox.accept({ entries: [first, datedEvent('ada'), ...others] });
      await bench.until(
        () => bench.runs.length === 4,
        'the others are handled',
      );
      assert.deepEqual(
        bench.ids.slice(1).toSorted(),
        others.map(({ id }) => id).toSorted(),
      );
      open();
      await inbox.idle();
      assert.equal(bench.runs.length, 5);
    },
};
