import { expect, it } from 'vitest';
import { XeniooDeadLetterError } from '../../../lib/xenioo.errors.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import {
  BULLMQ_VERSIONS,
  BullmqHarness,
  datedEvent,
  deliveryOf,
  failed,
  invalidEntry,
  TestRunner,
} from '../../support/bullmq-harness.js';
import { createLatch } from '../../support/create-latch.js';

for (const [version, libraries] of BULLMQ_VERSIONS) {
  describeEngine('redis', `BullmqInbox dead letters on ${version}`, () => {
    /** Starts an inbox with a letter of `Crm.save` for each of `count` events. */
    async function startWithLetters(count: number) {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner(async () => [failed('Crm.save')]);
      const inbox = await harness.start(runner);
      const events = Array.from({ length: count }, () => datedEvent());
      for (const event of events) {
        await inbox.accept(deliveryOf([event]));
        await inbox.idle();
      }
      const { deadLetters } = inbox;
      return { harness, runner, inbox, events, deadLetters };
    }

    it('lists letters in pages and by filter', async () => {
      const { inbox, events, deadLetters, runner } = await startWithLetters(5);
      runner.behaviour = async () => [];
      await inbox.accept(deliveryOf([invalidEntry()]));
      await inbox.idle();

      const all = await deadLetters.list();
      expect(all).toHaveLength(6);
      const pages: string[] = [];
      for (;;) {
        const page = await deadLetters.list({ limit: 4, after: pages.at(-1) });
        if (page.length === 0) break;
        pages.push(...page.map(({ id }) => id));
      }
      expect(pages).toEqual(all.map(({ id }) => id));
      const count = async (query: Parameters<typeof deadLetters.list>[0]) =>
        (await deadLetters.list(query)).length;
      expect(await count({ kind: 'invalid' })).toBe(1);
      expect(await count({ handler: 'Crm.save' })).toBe(5);
      expect(await count({ handler: 'Crm.none' })).toBe(0);
      expect(await count({ eventId: events[3]!.id })).toBe(1);
      await expect(deadLetters.list({ after: 'none' })).rejects.toThrow(
        XeniooDeadLetterError,
      );
    });

    it('removes a letter once', async () => {
      const { deadLetters } = await startWithLetters(2);
      const [first, second] = await deadLetters.list();

      expect(await deadLetters.remove(first!.id)).toBe(true);
      expect(await deadLetters.remove(first!.id)).toBe(false);

      expect(await deadLetters.get(first!.id)).toBe(undefined);
      expect(await deadLetters.list()).toEqual([second]);
    });

    it('runs only the handler of a replayed letter, without attempts', async () => {
      const { inbox, runner, events, deadLetters } = await startWithLetters(1);
      const [letter] = await deadLetters.list();
      runner.runs.length = 0;
      runner.behaviour = async () => [];
      const task = { entry: events[0]!, handler: 'Crm.save', attempts: 0 };

      expect(await deadLetters.replay(letter!.id, [task])).toBe(true);
      await inbox.idle();

      expect(runner.runs).toEqual([task]);
      expect(await deadLetters.list()).toEqual([]);
      expect(await deadLetters.replay(letter!.id, [task])).toBe(false);
    });

    it('restarts the count of attempts when a replayed handler fails again', async () => {
      const { inbox, runner, events, deadLetters } = await startWithLetters(1);
      const [letter] = await deadLetters.list();
      runner.behaviour = async ({ attempts }) => [
        failed('Crm.save', new Error('again'), attempts + 1),
      ];
      const task = { entry: events[0]!, handler: 'Crm.save', attempts: 0 };

      await deadLetters.replay(letter!.id, [task]);
      await inbox.idle();

      expect(await deadLetters.get(letter!.id)).toMatchObject({
        attempts: 1,
        error: { message: 'again' },
      });
    });

    it('runs the events of a replayed invalid entry', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner();
      const inbox = await harness.start(runner);
      const entry = invalidEntry();
      await inbox.accept(deliveryOf([entry]));
      await inbox.idle();
      runner.runs.length = 0;
      const events = [datedEvent(), datedEvent()];
      await inbox.accept(deliveryOf(events.slice(0, 1)));
      await inbox.idle();

      const tasks = events.map(event => ({ entry: event, attempts: 0 }));
      expect(await inbox.deadLetters.replay(entry.id, tasks)).toBe(true);
      await inbox.idle();

      expect(runner.ids.toSorted()).toEqual(
        [events[0]!.id, ...events.map(({ id }) => id)].toSorted(),
      );
      expect(await inbox.deadLetters.list()).toEqual([]);
    });

    it('neither replays nor removes a letter while its task runs again', async () => {
      const { runner, events, deadLetters } = await startWithLetters(1);
      const [letter] = await deadLetters.list();
      const running = createLatch();
      runner.behaviour = async () => {
        await running.opened;
        return [];
      };
      const task = { entry: events[0]!, handler: 'Crm.save', attempts: 0 };

      const replayed = await Promise.all([
        deadLetters.replay(letter!.id, [task]),
        deadLetters.replay(letter!.id, [task]),
      ]);
      await expect.poll(() => runner.runs).toHaveLength(2);

      expect(replayed.toSorted()).toEqual([false, true]);
      expect(await deadLetters.replay(letter!.id, [task])).toBe(false);
      expect(await deadLetters.remove(letter!.id)).toBe(false);
      running.open();
    });

    it('omits a letter of another version and logs a warning', async () => {
      const { harness, events, deadLetters } = await startWithLetters(2);
      const [unreadable] = await deadLetters.list();
      const job = await harness.queue.getJob(unreadable!.id);
      const stored = JSON.parse(job!.data.task) as object;
      await job!.updateData({ task: JSON.stringify({ ...stored, v: 99 }) });

      const listed = await deadLetters.list();

      expect(listed.map(({ entry }) => entry.id)).toEqual([events[1]!.id]);
      expect(harness.logs.ofXenioo('warn')).toEqual([
        expect.stringMatching(
          `^The dead letter ${unreadable!.id} can't be read and is not listed: .*another version`,
        ),
      ]);
    });

    it('keeps letters for `deadLetterRetentionDays`', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner(async () => [failed('A')]);
      const inbox = await harness.start(runner, { deadLetterRetentionDays: 2 });
      const [old, recent] = [datedEvent(), datedEvent()];
      await inbox.accept(deliveryOf([old]));
      await inbox.idle();
      const threeDaysAgo = Date.now() - 3 * 86_400_000;
      const key = harness.queue.toKey('failed');
      await harness.client.zadd(key, threeDaysAgo, `${old.id}.A`);

      await inbox.accept(deliveryOf([recent]));
      await inbox.idle();

      const letters = await inbox.deadLetters.list();
      expect(letters.map(({ entry }) => entry.id)).toEqual([recent.id]);
    });
  });
}
