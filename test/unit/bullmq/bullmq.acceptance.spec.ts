import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { startRedis } from '../../support/engines/redis-server.js';
import {
  BULLMQ_VERSIONS,
  BullmqHarness,
  datedEvent,
  deliveryOf,
  invalidEntry,
  TestRunner,
  undatedEvent,
} from '../../support/bullmq-harness.js';
import { eventOf } from '../../support/entry-of.js';
import { WAIT_OPTIONS } from '../../support/wait-options.js';

const TIMEOUT = 60_000;

for (const [version, libraries] of BULLMQ_VERSIONS) {
  describeEngine('redis', `BullmqInbox.accept() on ${version}`, () => {
    it('adds a job for each entry, with the ids of dated events and invalid entries', async () => {
      const harness = new BullmqHarness(libraries);
      const inbox = harness.open();
      const entries = [datedEvent(), undatedEvent(), invalidEntry()];

      await inbox.accept(deliveryOf(entries));

      const jobs = await harness.queue.getJobs(['waiting'], 0, -1, true);
      const [dated, undated, invalid] = entries.map(({ id }) => id);
      expect(jobs.map(({ id }) => id)).toEqual([
        dated,
        expect.stringMatching(`^${undated}~`),
        invalid,
      ]);
    });

    it('keeps unusual values', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner();
      const event = eventOf(
        JSON.parse(
          '{"Type":1,"Data":"\\u0000 \\ud800 😀","__proto__":{"a":1},"huge":1e999,"zero":-0,"a.b":[[{"":null}]]}',
        ),
      );
      const inbox = await harness.start(runner);

      await inbox.accept(deliveryOf([event]));
      await inbox.idle();

      expect(runner.runs[0]!.entry).toEqual(event);
    });

    it(
      'accepts all 1,200 entries of a call and handles each once',
      async () => {
        const harness = new BullmqHarness(libraries);
        const runner = new TestRunner();
        const inbox = await harness.start(runner);
        const entries = Array.from({ length: 1_200 }, () => datedEvent());

        await inbox.accept(deliveryOf(entries));
        await inbox.idle();

        expect(runner.ids.toSorted()).toEqual(
          entries.map(({ id }) => id).toSorted(),
        );
      },
      TIMEOUT,
    );

    it('accepts a call without entries', async () => {
      const harness = new BullmqHarness(libraries);
      const inbox = await harness.start();

      await inbox.accept(deliveryOf([]));

      expect((await inbox.stats()).pending).toBe(0);
    });

    it('drops dated entries that came before, even after they were handled', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner();
      const inbox = await harness.start(runner, {
        settings: { dedupe: { ttlSeconds: 60, maxIds: 100 } },
      });
      const [first, second] = [datedEvent(), datedEvent()];

      await inbox.accept(deliveryOf([first, first, second]));
      await inbox.idle();
      await inbox.accept(deliveryOf([second, first], { bot: 'support' }));
      await inbox.idle();

      expect(runner.ids.toSorted()).toEqual([first.id, second.id].toSorted());
      expect(runner.duplicates).toEqual([
        { bot: 'default', count: 1 },
        { bot: 'support', count: 2 },
      ]);
    });

    it('drops duplicates of simultaneous calls', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner();
      const inbox = await harness.start(runner);
      const [one, other] = [datedEvent(), datedEvent()];

      await Promise.all([
        inbox.accept(deliveryOf([one, other])),
        inbox.accept(deliveryOf([other, one])),
        inbox.accept(deliveryOf([one])),
      ]);
      await inbox.idle();

      expect(runner.ids.toSorted()).toEqual([one.id, other.id].toSorted());
      await expect
        .poll(() =>
          runner.duplicates.reduce((sum, { count }) => sum + count, 0),
        )
        .toBe(3);
    });

    it('drops no undated entry, and no entry with `dedupe: false`', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner();
      const [dated, undated] = [datedEvent(), undatedEvent()];
      const deduping = harness.open();
      await deduping.accept(deliveryOf([undated, undated]));
      const other = harness.open({ settings: { dedupe: false } });
      await other.accept(deliveryOf([dated, dated]));
      await other.accept(deliveryOf([dated]));

      await other.start(runner);
      await other.idle();

      const { id } = dated;
      expect(runner.ids.toSorted()).toEqual(
        [id, id, id, undated.id, undated.id].toSorted(),
      );
    });

    it('accepts an entry again beyond `maxIds`', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner();
      const inbox = await harness.start(runner, {
        settings: { dedupe: { ttlSeconds: 60, maxIds: 2 } },
      });
      const events = [datedEvent(), datedEvent(), datedEvent()] as const;

      for (const event of events) await inbox.accept(deliveryOf([event]));
      await inbox.accept(deliveryOf([events[2], events[1]]));
      await inbox.idle();
      expect(runner.runs).toHaveLength(3);
      await inbox.accept(deliveryOf([events[0]]));
      await inbox.idle();

      expect(runner.ids.at(-1)).toBe(events[0].id);
      expect(runner.runs).toHaveLength(4);
    });

    it('handles entries in the order of their dates', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner();
      const at = (digits: string) =>
        eventOf({
          Type: 1,
          ConversationId: 'ada',
          Date: `2024-05-01T12:00:00.${digits}+00:00`,
        });
      const [later, earlier] = [at('0000002'), at('0000001')];
      const inbox = await harness.start(runner, {
        settings: { concurrency: 1 },
      });

      await inbox.accept(deliveryOf([later, earlier]));
      await inbox.idle();

      expect(runner.ids).toEqual([earlier.id, later.id]);
    });

    it('refuses a call after stop()', async () => {
      const inbox = await new BullmqHarness(libraries).start();
      await inbox.stop(0);

      await expect(inbox.accept(deliveryOf([datedEvent()]))).rejects.toThrow(
        XeniooInboxError,
      );
    });
  });
}

describe('BullmqInbox with a Redis whose memory is nearly full', () => {
  describeEngine('redis', 'on BullMQ 6', () => {
    it(
      'refuses calls until its workers have freed memory',
      async () => {
        const server = await startRedis({
          maxmemory: '12mb',
          maxmemoryPolicy: 'noeviction',
        });
        onTestFinished(() => server.stop());
        const harness = new BullmqHarness(BULLMQ_VERSIONS[0]![1], server.url);
        const inbox = harness.open({ settings: { acceptTimeoutMs: 8_000 } });
        const large = () => eventOf({ Type: 1, Data: 'x'.repeat(200_000) });
        let accepted = 0;
        const acceptUntilFull = async () => {
          for (; accepted < 100; accepted++) {
            await inbox.accept(deliveryOf([large()]));
          }
        };
        const refusal: unknown = await acceptUntilFull().catch(
          (error: unknown) => error,
        );
        expect(refusal).toBeInstanceOf(XeniooInboxError);
        expect(String(refusal)).toContain('its memory is full (`maxmemory`)');
        expect(accepted).toBeGreaterThan(3);

        const runner = new TestRunner();
        await inbox.start(runner);
        await inbox.idle();
        expect(runner.runs).toHaveLength(accepted);

        await vi.waitFor(
          () => inbox.accept(deliveryOf([large()])),
          WAIT_OPTIONS,
        );
      },
      TIMEOUT,
    );
  });
});
