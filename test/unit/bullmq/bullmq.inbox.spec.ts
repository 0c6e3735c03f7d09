import { expect, it, vi } from 'vitest';
import { describeEngine } from '../../support/engines/describe-engine.js';
import {
  BULLMQ_VERSIONS,
  BullmqHarness,
  datedEvent,
  deliveryOf,
  failed,
  retried,
  TestRunner,
} from '../../support/bullmq-harness.js';
import { createLatch } from '../../support/create-latch.js';
import { WAIT_OPTIONS } from '../../support/wait-options.js';

for (const [version, libraries] of BULLMQ_VERSIONS) {
  describeEngine('redis', `BullmqInbox on ${version}`, () => {
    it('reports its storage location and runs no task before start()', async () => {
      const harness = new BullmqHarness(libraries);
      const inbox = harness.open({ prefix: 'unit' });
      const event = datedEvent();
      await inbox.accept(deliveryOf([event]));

      const { host } = new URL(harness.url);
      expect(inbox.storageLocation).toBe(
        `Redis at ${host}, queue ${harness.queueName}, prefix unit`,
      );
      const runner = new TestRunner();
      expect(runner.runs).toEqual([]);
      await inbox.start(runner);
      await inbox.idle();
      expect(runner.ids).toEqual([event.id]);
    });

    it('handles nothing with `worker: false`', async () => {
      const harness = new BullmqHarness(libraries);
      const receiving = new TestRunner();
      const receiver = await harness.start(receiving, { worker: false });
      const event = datedEvent();
      await receiver.accept(deliveryOf([event]));

      const handling = new TestRunner();
      const handler = await harness.start(handling);
      await handler.idle();
      await receiver.idle();

      expect(handling.ids).toEqual([event.id]);
      expect(receiving.runs).toEqual([]);
      expect(harness.logs.ofXenioo('log').join('\n')).toContain(
        'this process handles none of them (`worker: false`)',
      );
    });

    it('accepts events while another program pauses the queue, and counts them as pending', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner();
      const inbox = await harness.start(runner);
      await harness.queue.pause();
      const events = [datedEvent(), datedEvent()];

      await inbox.accept(deliveryOf(events));
      expect((await inbox.stats()).pending).toBe(2);
      await harness.queue.resume();
      await inbox.idle();

      expect(runner.ids.toSorted()).toEqual(
        events.map(({ id }) => id).toSorted(),
      );
    });

    it('runs at most `concurrency` tasks at once', async () => {
      const harness = new BullmqHarness(libraries);
      const running = createLatch();
      let [now, most] = [0, 0];
      const runner = new TestRunner(async () => {
        most = Math.max(most, ++now);
        await running.opened;
        now--;
      });
      const inbox = await harness.start(runner, {
        settings: { concurrency: 3 },
      });

      await inbox.accept(
        deliveryOf(Array.from({ length: 20 }, () => datedEvent())),
      );
      await expect.poll(() => most).toBe(3);
      running.open();
      await inbox.idle();

      expect(runner.runs).toHaveLength(20);
      expect(most).toBe(3);
    });

    it('counts events, handlers, retries and dead letters', async () => {
      const harness = new BullmqHarness(libraries);
      const running = createLatch();
      const [broken, slow, flaky] = [datedEvent(), datedEvent(), datedEvent()];
      const runner = new TestRunner(async ({ entry }) => {
        if (entry.id === broken.id) return [failed('A')];
        if (entry.id === flaky.id) return [retried('A', 600_000)];
        await running.opened;
        return [];
      });
      const inbox = await harness.start(runner, {
        settings: { concurrency: 1 },
      });
      await inbox.accept(deliveryOf([broken, flaky]));
      await expect
        .poll(() => inbox.stats())
        .toEqual({
          pending: 0,
          running: 0,
          retries: 1,
          deadLetters: 1,
          oldestPendingAt: undefined,
        });

      await inbox.accept(deliveryOf([slow, datedEvent()]));
      await expect.poll(() => runner.ids).toContain(slow.id);

      expect(await inbox.stats()).toEqual({
        pending: 2,
        running: 1,
        retries: 1,
        deadLetters: 1,
        oldestPendingAt: slow.receivedAt,
      });
      running.open();
    });

    it('starts no handler while paused and accepts calls', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner();
      const inbox = await harness.start(runner);
      const [before, paused] = [datedEvent(), datedEvent()];
      await inbox.accept(deliveryOf([before]));
      await inbox.idle();
      await expect.poll(() => harness.isWorkerWaiting()).toBe(true);

      await inbox.pause();
      await inbox.accept(deliveryOf([paused]));
      // A worker that was already waiting for a job receives it and returns it.
      await vi.waitFor(async () => {
        const job = await harness.queue.getJob(paused.id);
        expect(job!.attemptsStarted).toBe(1);
        expect(await job!.getState()).toBe('waiting');
      }, WAIT_OPTIONS);
      expect(runner.ids).toEqual([before.id]);
      await inbox.resume();
      await inbox.idle();

      expect(runner.ids).toEqual([before.id, paused.id]);
    });

    it('can be paused before start()', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner();
      const inbox = harness.open();
      await inbox.pause();
      await inbox.start(runner);
      const event = datedEvent();
      await inbox.accept(deliveryOf([event]));
      await expect.poll(async () => (await inbox.stats()).pending).toBe(1);
      expect(runner.runs).toEqual([]);

      await inbox.resume();
      await inbox.idle();

      expect(runner.ids).toEqual([event.id]);
    });

    it('is idle after all retries and announcements', async () => {
      const harness = new BullmqHarness(libraries);
      const heard = createLatch();
      const runner = new TestRunner(async ({ attempts }) =>
        attempts === 0 ? [retried('A', 50)] : [failed('A', 'no', 2)],
      );
      runner.onAnnounce = () => heard.opened;
      const inbox = await harness.start(runner);
      let isIdle = false;

      await inbox.accept(deliveryOf([datedEvent()]));
      const idle = inbox.idle().then(() => (isIdle = true));
      await expect.poll(() => runner.announced).toHaveLength(1);
      await inbox.stats();
      expect(isIdle).toBe(false);
      heard.open();
      await idle;
    });

    it('waits in stop() for running handlers and starts no others', async () => {
      const harness = new BullmqHarness(libraries);
      const running = createLatch();
      const runner = new TestRunner(async () => {
        await running.opened;
        return [failed('A')];
      });
      const inbox = await harness.start(runner, {
        settings: { concurrency: 1 },
      });
      const [first, second] = [datedEvent(), datedEvent()];
      await inbox.accept(deliveryOf([first, second]));
      await expect.poll(() => runner.ids).toEqual([first.id]);

      const stopped = inbox.stop(20_000);
      running.open();
      await stopped;

      expect(runner.ids).toEqual([first.id]);
      expect(await harness.stateOf(first.id)).toBe('unknown');
      expect(await harness.stateOf(`${first.id}.A`)).toBe('waiting');
      expect(await harness.stateOf(second.id)).toBe('waiting');
      expect(harness.logs.ofXenioo('warn')).toEqual([]);
    });

    it('returns running tasks to the queue when stop() times out, and logs a warning', async () => {
      const harness = new BullmqHarness(libraries);
      const running = createLatch();
      const runner = new TestRunner(async () => {
        await running.opened;
        return [failed('A')];
      });
      const inbox = await harness.start(runner);
      const event = datedEvent();
      await inbox.accept(deliveryOf([event]));
      await expect.poll(() => runner.ids).toEqual([event.id]);

      await inbox.stop(50);

      expect(await harness.stateOf(event.id)).toBe('waiting');
      expect(harness.logs.ofXenioo('warn')).toEqual([
        expect.stringMatching(/^Stopping while handlers still run \(jobs: 1\)/),
      ]);
      running.open();
      const other = new TestRunner();
      const next = await harness.start(other);
      await next.idle();
      expect(other.ids).toEqual([event.id]);
      expect(await next.deadLetters.list()).toEqual([]);
      expect(harness.logs.ofXenioo('error')).toEqual([]);
    });
  });
}
