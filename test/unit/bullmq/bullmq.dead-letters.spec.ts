import { describe, expect, it, vi } from 'vitest';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import type { XeniooEvent } from '../../../lib/events/xenioo.event.js';
import {
  datedEvent,
  givenUp,
  invalidEntry,
  settled,
  toBeRetried,
  type Run,
} from '../../../lib/testing/inbox-bench.js';
import { XeniooDeadLetterError } from '../../../lib/xenioo.errors.js';
import { bullmqBench } from '../../support/bullmq-bench.js';
import { describeEngine } from '../../support/engines/describe-engine.js';

const failing = ({ entry }: Run) =>
  'reason' in entry ? undefined : givenUp(entry);

const idsOf = (all: readonly { readonly id: string }[]) =>
  all.map(({ id }) => id);

const ofHandler = (event: XeniooEntry, ...handlers: string[]) => ({
  entries: [event as XeniooEvent],
  handlers: handlers.length > 0 ? handlers : ['Crm.save'],
});

describe.each(['redis', 'postgres'] as const)('in %s', name => {
  describeEngine(name, 'more letters than are read at a time', () => {
    it('are listed in pages, each once, the oldest first', async () => {
      const { bench } = await bullmqBench(name);
      const inbox = await bench.start(failing);
      const entries = Array.from({ length: 230 }, () => invalidEntry());
      await inbox.accept({ entries });
      await inbox.idle();
      const youngest = datedEvent();
      await inbox.accept({ entries: [youngest] });
      await inbox.idle();

      const listed: string[] = [];
      for (;;) {
        const query = { limit: 70, after: listed.at(-1) };
        const page = await inbox.deadLetters.list(query);
        if (page.length === 0) break;
        listed.push(...idsOf(page));
      }

      expect(listed.toSorted()).toEqual(
        idsOf([...entries, youngest]).toSorted(),
      );
      expect(listed.at(-1)).toBe(youngest.id);
      const found = await inbox.deadLetters.list({ handler: 'Crm.save' });
      expect(idsOf(found)).toEqual([youngest.id]);
      expect(await inbox.deadLetters.list()).toHaveLength(100);
      const whole = await inbox.deadLetters.list({ limit: 1_000 });
      expect(idsOf(whole)).toEqual(listed);
    }, 20_000);

    it('are not listed after one that is not there', async () => {
      const { bench } = await bullmqBench(name);
      const inbox = await bench.open();

      await expect(inbox.deadLetters.list({ after: 'nobody' })).rejects.toThrow(
        XeniooDeadLetterError,
      );
    });
  });

  describeEngine(name, 'twins, where nothing is dropped', () => {
    it('are letters of one id, and go one by one', async () => {
      const { bench } = await bullmqBench(name);
      const inbox = await bench.start(failing, { dedupe: false });
      const event = datedEvent();
      await inbox.accept({ entries: [event, event] });
      await inbox.accept({ entries: [event, datedEvent()] });
      await inbox.idle();
      const { deadLetters } = inbox;

      const letters = idsOf(await deadLetters.list());
      expect(letters).toHaveLength(4);
      expect(letters.filter(id => id === event.id)).toHaveLength(3);
      expect((await deadLetters.get(event.id))?.entry).toStrictEqual(event);

      const removed: boolean[] = [];
      for (let time = 0; time < 4; time++) {
        removed.push(await deadLetters.remove(event.id));
      }

      expect(removed).toEqual([true, true, true, false]);
      expect(await deadLetters.get(event.id)).toBe(undefined);
      expect(await deadLetters.list()).toHaveLength(1);
    });

    it('are replayed one by one', async () => {
      const { bench } = await bullmqBench(name);
      let isBroken = true;
      const inbox = await bench.start(
        run => (isBroken && failing(run)) || settled(),
        {
          dedupe: false,
        },
      );
      const event = datedEvent();
      await inbox.accept({ entries: [event, event] });
      await inbox.idle();
      isBroken = false;

      const replayed: boolean[] = [];
      for (let time = 0; time < 3; time++) {
        replayed.push(
          await inbox.deadLetters.replay(event.id, ofHandler(event)),
        );
        await inbox.idle();
      }

      expect(replayed).toEqual([true, true, false]);
      expect(bench.runs).toHaveLength(4);
    });
  });

  describeEngine(name, 'a letter whose event waits for other handlers', () => {
    it('is there, and can’t be replayed or removed yet', async () => {
      const { bench } = await bullmqBench(name);
      const inbox = await bench.start(({ entry }) => ({
        ...toBeRetried(60_000),
        failures: givenUp(entry).failures,
      }));
      const event = datedEvent();
      await inbox.accept({ entries: [event] });
      const { deadLetters } = inbox;
      await vi.waitFor(
        async () =>
          expect(await deadLetters.get(event.id)).toMatchObject({
            id: event.id,
            kind: 'event',
            failures: [{ handler: 'Crm.save', attempts: 3 }],
          }),
        { timeout: 10_000 },
      );

      const replayed = deadLetters.replay(event.id, ofHandler(event));

      await expect(replayed).rejects.toThrow(XeniooDeadLetterError);
      await expect(replayed).rejects.toThrow(
        `dead letter ${event.id} stays for now`,
      );
      expect(await deadLetters.remove(event.id)).toBe(false);
      expect((await deadLetters.get(event.id))?.id).toBe(event.id);
    });
  });

  describeEngine(name, 'a replay', () => {
    it('of some handlers leaves the letter for the others', async () => {
      const { bench } = await bullmqBench(name);
      let isBroken = true;
      const inbox = await bench.start(({ entry }) =>
        isBroken ? givenUp(entry, ['Crm.save', 'Desk.ring']) : undefined,
      );
      const event = datedEvent();
      await inbox.accept({ entries: [event] });
      await inbox.idle();
      isBroken = false;

      await inbox.deadLetters.replay(event.id, ofHandler(event, 'Crm.save'));
      await inbox.idle();

      expect(bench.runs[1]!.progress?.failed).toMatchObject([
        { handler: 'Crm.save', attempts: 0 },
      ]);
      expect(await inbox.deadLetters.list()).toMatchObject([
        { id: event.id, failures: [{ handler: 'Desk.ring' }] },
      ]);
    });

    it('of nothing is false', async () => {
      const { bench } = await bullmqBench(name);
      const inbox = await bench.open();
      const event = datedEvent();
      await inbox.accept({ entries: [event] });

      // It waits, but it is no letter.
      expect(await inbox.deadLetters.get(event.id)).toBe(undefined);
      for (const id of [event.id, 'nobody']) {
        expect(await inbox.deadLetters.replay(id, ofHandler(event))).toBe(
          false,
        );
        expect(await inbox.deadLetters.remove(id)).toBe(false);
      }
    });

    it('happens once, whoever is first', async () => {
      const { bench } = await bullmqBench(name);
      let isBroken = true;
      const behaviour = ({ entry }: Run) =>
        isBroken ? givenUp(entry) : undefined;
      const first = await bench.start(behaviour);
      const second = await bench.start(behaviour);
      const events = Array.from({ length: 20 }, () => datedEvent());
      await first.accept({ entries: events });
      await first.idle();
      await second.idle();
      isBroken = false;

      const replayed = await Promise.all(
        events.flatMap(event =>
          [first, second].map(inbox =>
            inbox.deadLetters.replay(event.id, ofHandler(event)),
          ),
        ),
      );
      await first.idle();
      await second.idle();

      expect(replayed.filter(Boolean)).toHaveLength(20);
      expect(bench.runs).toHaveLength(40);
      expect(await second.deadLetters.list()).toEqual([]);
    });
  });

  describeEngine(name, 'a failed job that is not ours', () => {
    it('is no letter, and stays as it is', async () => {
      const { bench, open, logs } = await bullmqBench(name);
      const inbox = await bench.start(failing);
      const event = datedEvent();
      const foreign = await open.queue.add('mail', { to: 'SeCrEt' } as never, {
        jobId: 'foreign',
      });
      await inbox.accept({ entries: [event] });
      await inbox.idle();
      expect(await foreign.isFailed()).toBe(true);
      const { deadLetters } = inbox;

      expect(idsOf(await deadLetters.list())).toEqual([event.id]);
      expect(await deadLetters.get('foreign')).toBe(undefined);
      expect(await deadLetters.replay('foreign', ofHandler(event))).toBe(false);
      expect(await deadLetters.remove('foreign')).toBe(false);
      expect(await foreign.isFailed()).toBe(true);
      expect(logs.lines.map(({ text }) => text).join()).not.toContain('SeCrEt');
    });
  });
});
