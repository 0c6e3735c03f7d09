import assert from 'node:assert/strict';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { ContractCases } from './inbox-contract.cases.js';
import {
  datedEvent,
  entriesOf,
  gate,
  invalidEntry,
  undatedEvent,
} from './inbox-bench.js';

/** Bodies that JSON allows and that storage is known to spoil. */
const ODD_ENTRIES = [
  '{"Type":1,"Data":"\\u0000 and \\ud800 and \\udfff and 😀"}',
  '{"Type":1,"__proto__":{"a":1},"constructor":{"prototype":2}}',
  '{"Type":1,"huge":1e999,"tiny":-1e999,"zero":-0,"deep":[[[{"":null}]]]}',
  '{"Type":1,"":"","a.b":1,"$where":2,"00":3,"\\u2028":4}',
];

export const acceptingCases: ContractCases = {
  'hands over what it accepted, once, as it came': async bench => {
    const inbox = await bench.start();
    const entries = [datedEvent(), undatedEvent(), invalidEntry()];
    await inbox.accept({ entries });
    await inbox.idle();
    assert.deepEqual(bench.ids.toSorted(), entries.map(e => e.id).toSorted());
    for (const { entry } of bench.runs) {
      assert.deepEqual(
        entry,
        entries.find(({ id }) => id === entry.id),
      );
    }
  },

  'hands over odd entries unchanged, and their neighbours': async bench => {
    const entries = ODD_ENTRIES.flatMap(text => entriesOf(text));
    entries.push(...entriesOf('not JSON \u0000'), datedEvent());
    const accepting = await bench.open();
    await accepting.accept({ entries });
    await accepting.start(bench.dispatch(() => undefined));
    await accepting.idle();
    for (const entry of entries) {
      const run = bench.runs.find(run => run.entry.id === entry.id);
      assert.deepEqual(run?.entry, entry);
    }
    assert.equal(bench.runs.length, entries.length);
  },

  'hands over nothing before it is started': async bench => {
    const inbox = await bench.open();
    await inbox.accept({ entries: [datedEvent()] });
    assert.deepEqual(bench.runs, []);
    await inbox.start(bench.dispatch(() => undefined));
    await inbox.idle();
    assert.equal(bench.runs.length, 1);
  },

  'accepts a call of nothing': async bench => {
    const inbox = await bench.start();
    await inbox.accept({ entries: [] });
    await inbox.idle();
    assert.deepEqual(bench.runs, []);
  },

  'hands over each of 1,000 entries of a call once': async bench => {
    const inbox = await bench.start();
    const entries = Array.from({ length: 1_000 }, () => datedEvent());
    await inbox.accept({ entries });
    await inbox.idle();
    assert.deepEqual(bench.ids.toSorted(), entries.map(e => e.id).toSorted());
  },

  'drops a dated entry that it accepted before': async bench => {
    const inbox = await bench.start();
    const event = datedEvent();
    await inbox.accept({ entries: [event, event] });
    await inbox.accept({ entries: [event] });
    await inbox.idle();
    await inbox.accept({ entries: [event] });
    await inbox.idle();
    assert.deepEqual(bench.ids, [event.id]);
  },

  'drops a dated entry that comes twice at the same time': async bench => {
    const inbox = await bench.start();
    const [one, other] = [datedEvent(), datedEvent()];
    await Promise.all([
      inbox.accept({ entries: [one, other] }),
      inbox.accept({ entries: [other, one] }),
      inbox.accept({ entries: [one] }),
    ]);
    await inbox.idle();
    assert.deepEqual(bench.ids.toSorted(), [one.id, other.id].toSorted());
  },

  'drops no entry without a date, and none with `dedupe: false`':
    async bench => {
      const inbox = await bench.start(undefined, { dedupe: false });
      const [dated, undated] = [datedEvent(), undatedEvent()];
      await inbox.accept({ entries: [dated, dated] });
      await bench.stop(inbox);
      const deduping = await bench.start();
      await deduping.accept({ entries: [undated, undated] });
      await deduping.idle();
      const { id } = dated;
      assert.deepEqual(bench.ids, [id, id, undated.id, undated.id]);
    },

  'forgets the oldest ids past `maxIds`': async bench => {
    const inbox = await bench.start(undefined, {
      dedupe: { ttlSeconds: 3_600, maxIds: 2 },
    });
    const events = [datedEvent(), datedEvent(), datedEvent()];
    for (const event of events) {
      await inbox.accept({ entries: [event] });
      const at = Date.now();
      // Of the same millisecond none is the oldest.
      await bench.until(() => Date.now() > at, 'the clock went on');
    }
    await inbox.accept({ entries: [events[2]!, events[1]!] });
    await inbox.idle();
    assert.equal(bench.runs.length, 3);
    await inbox.accept({ entries: [events[0]!] });
    await inbox.idle();
    assert.equal(bench.ids.at(-1), events[0]!.id);
    assert.equal(bench.runs.length, 4);
  },

  'refuses with XeniooInboxError when it has stopped': async bench => {
    const inbox = await bench.start();
    await bench.stop(inbox);
    await assert.rejects(
      inbox.accept({ entries: [datedEvent()] }),
      XeniooInboxError,
    );
    assert.deepEqual(bench.runs, []);
  },

  'waits at its stop for handlers in flight': async bench => {
    const { opened, open } = gate();
    const inbox = await bench.start(async () => {
      await opened;
      bench.steps.push('handled');
    });
    await inbox.accept({ entries: [datedEvent()] });
    await bench.until(() => bench.runs.length === 1, 'the handler runs');
    const stopped = bench.stop(inbox).then(() => bench.steps.push('stopped'));
    open();
    await stopped;
    assert.deepEqual(bench.steps, ['handled', 'stopped']);
  },

  'waits at its stop no longer than it may': async bench => {
    const { opened, open } = gate();
    const inbox = await bench.start(() => opened);
    await inbox.accept({ entries: [datedEvent()] });
    await bench.until(() => bench.runs.length === 1, 'the handler runs');
    await bench.stop(inbox, 20);
    open();
  },
};
