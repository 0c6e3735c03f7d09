import { expect, it, onTestFinished, vi } from 'vitest';
import {
  JobFactory,
  type XeniooWorker,
} from '../../../lib/bullmq/bullmq.job.js';
import { BullmqProcessor } from '../../../lib/bullmq/bullmq.processor.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import {
  BULLMQ_VERSIONS,
  BullmqHarness,
  datedEvent,
  deliveryOf,
  done,
  failed,
  invalidEntry,
  retried,
  TestRunner,
} from '../../support/bullmq-harness.js';
import { createLatch } from '../../support/create-latch.js';
import { WAIT_OPTIONS } from '../../support/wait-options.js';

for (const [version, libraries] of BULLMQ_VERSIONS) {
  describeEngine('redis', `BullmqInbox tasks on ${version}`, () => {
    it('removes the task when every handler is done', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner(async () => [done('A'), done('B')]);
      const inbox = await harness.start(runner);
      const event = datedEvent();

      await inbox.accept(deliveryOf([event], { carrier: { trace: '1' } }));
      await inbox.idle();

      expect(runner.runs).toEqual([
        { entry: event, attempts: 0, carrier: { trace: '1' } },
      ]);
      expect(await harness.stateOf(event.id)).toBe('unknown');
    });

    it('retries only the handler that failed, when it is due, with its attempts', async () => {
      const harness = new BullmqHarness(libraries);
      const dueAt: number[] = [];
      const startedAt: number[] = [];
      const runner = new TestRunner(async ({ attempts }) => {
        startedAt.push(Date.now());
        if (attempts === 3) return [done('B', 4)];
        const retry = retried('B', 60, attempts + 1);
        dueAt.push(Date.now() + 50);
        return attempts === 0 ? [done('A'), retry] : [retry];
      });
      const inbox = await harness.start(runner);
      const event = datedEvent();

      await inbox.accept(deliveryOf([event], { carrier: { trace: '1' } }));
      await inbox.idle();

      const carrier = { trace: '1' };
      expect(runner.runs).toEqual([
        { entry: event, attempts: 0, carrier },
        { entry: event, handler: 'B', attempts: 1, carrier },
        { entry: event, handler: 'B', attempts: 2, carrier },
        { entry: event, handler: 'B', attempts: 3, carrier },
      ]);
      for (const [index, due] of dueAt.entries()) {
        expect(startedAt[index + 1]).toBeGreaterThanOrEqual(due);
      }
      expect(await harness.queue.getJobCounts()).not.toMatchObject({
        failed: 1,
      });
      expect(runner.announced).toEqual([]);
    });

    it('shows a retry as a delayed job with its reason', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner(async ({ attempts }) => [
        retried('Crm.save', attempts === 0 ? 0 : 60_000, attempts + 1),
      ]);
      const inbox = await harness.start(runner);
      const event = datedEvent();
      await inbox.accept(deliveryOf([event]));

      const id = `${event.id}.Crm.save`;
      await vi.waitFor(async () => {
        const job = await harness.queue.getJob(id);
        expect(job).toMatchObject({
          name: 'user-message',
          failedReason: 'Crm.save fails',
          attemptsMade: 1,
        });
        expect(await job!.getState()).toBe('delayed');
      }, WAIT_OPTIONS);
    });

    it('stores a dead letter for a handler that failed in the first run and does not run it again', async () => {
      const harness = new BullmqHarness(libraries);
      const error = new TypeError('the CRM says no');
      const runner = new TestRunner(async () => [
        done('A'),
        failed('Crm.save', error),
        failed('Crm.notify'),
      ]);
      const seen: unknown[] = [];
      const inbox = await harness.start(runner);
      runner.onAnnounce = async letter => {
        seen.push(await inbox.deadLetters.get(letter.id));
      };
      const event = datedEvent();

      await inbox.accept(deliveryOf([event]));
      await inbox.idle();

      expect(runner.runs).toHaveLength(1);
      const letters = await inbox.deadLetters.list();
      expect(letters).toHaveLength(2);
      expect(letters).toContainEqual({
        id: `${event.id}.Crm.save`,
        kind: 'event',
        entry: event,
        handler: 'Crm.save',
        attempts: 1,
        error: { message: 'the CRM says no', stack: error.stack },
        deadLetteredAt: expect.any(Date),
      });
      expect(seen).toEqual(expect.arrayContaining(letters));
      const announced = runner.announced.find(
        ({ letter }) => letter.handler === 'Crm.save',
      );
      expect(announced!.letter).toEqual(
        letters.find(({ handler }) => handler === 'Crm.save'),
      );
      expect(announced!.error).toBe(error);
      expect(await harness.stateOf(`${event.id}.Crm.save`)).toBe('failed');
    });

    it('stores a dead letter for a handler whose last retry failed', async () => {
      const harness = new BullmqHarness(libraries);
      const error = new Error('still down');
      const runner = new TestRunner(async ({ attempts }) =>
        attempts < 2
          ? [retried('B', 10, attempts + 1)]
          : [failed('B', error, 3)],
      );
      const inbox = await harness.start(runner);
      const event = datedEvent();

      await inbox.accept(deliveryOf([event]));
      await inbox.idle();

      expect(await inbox.deadLetters.list()).toEqual([
        expect.objectContaining({
          id: `${event.id}.B`,
          attempts: 3,
          error: { message: 'still down', stack: error.stack },
        }),
      ]);
      expect(runner.announced).toEqual([
        { letter: (await inbox.deadLetters.list())[0], error },
      ]);
    });

    it('stores no stack when the thrown value has none', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner(async ({ attempts }) =>
        attempts < 1 ? [retried('B', 0)] : [failed('B', 'no more', 2)],
      );
      const inbox = await harness.start(runner);

      await inbox.accept(deliveryOf([datedEvent()]));
      await inbox.idle();

      const [letter] = await inbox.deadLetters.list();
      expect(letter!.error).toEqual({ message: 'no more' });
    });

    it('supports colons in handler names', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner(async () => [failed('crm:save:all')]);
      const inbox = await harness.start(runner);
      const event = datedEvent();

      await inbox.accept(deliveryOf([event]));
      await inbox.idle();

      const id = `${event.id}.crm:save:all`;
      expect(await inbox.deadLetters.get(id)).toMatchObject({ id });
    });

    it('stores a dead letter for an invalid entry', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner();
      const inbox = await harness.start(runner);
      const entry = invalidEntry();

      await inbox.accept(deliveryOf([entry]));
      await inbox.idle();

      const letter = await inbox.deadLetters.get(entry.id);
      expect(letter).toEqual({
        id: entry.id,
        kind: 'invalid',
        entry,
        deadLetteredAt: expect.any(Date),
      });
      expect(runner.announced).toEqual([{ letter, error: undefined }]);
      const job = await harness.queue.getJob(entry.id);
      expect(job).toMatchObject({
        name: 'invalid',
        failedReason: `${entry.reason}: ${entry.errors.join('; ')}`,
      });
    });

    it('retries a missing handler without counting attempts', async () => {
      const harness = new BullmqHarness(libraries);
      const missingSince = Date.now() - 1_000;
      const runner = new TestRunner(async ({ attempts, ...task }) => {
        if (runner.runs.length === 1) return [retried('B', 0, 1)];
        if (runner.runs.length < 4) {
          return [{ ...retried('B', 10, attempts), missingSince }];
        }
        expect(task.missingSince).toBe(missingSince);
        return [failed('B', new Error('no such handler'), attempts)];
      });
      const inbox = await harness.start(runner);

      await inbox.accept(deliveryOf([datedEvent()]));
      await inbox.idle();

      expect(runner.runs.map(({ attempts }) => attempts)).toEqual([0, 1, 1, 1]);
      expect((await inbox.deadLetters.list())[0]).toMatchObject({
        attempts: 1,
      });
    });

    it('removes missingSince once the handler has run', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner(async ({ attempts }) => {
        const retry = retried('B', 0, attempts + 1);
        if (runner.runs.length === 2) {
          return [{ ...retry, attempts, missingSince: 1 }];
        }
        return runner.runs.length < 5 ? [retry] : [];
      });
      const inbox = await harness.start(runner);

      await inbox.accept(deliveryOf([datedEvent()]));
      await inbox.idle();

      expect(
        runner.runs.map(({ attempts, missingSince }) => [
          attempts,
          missingSince,
        ]),
      ).toEqual([
        [0, undefined],
        [1, undefined],
        [1, 1],
        [2, undefined],
        [3, undefined],
      ]);
    });

    it('runs other tasks while a failure is announced', async () => {
      const harness = new BullmqHarness(libraries);
      const heard = createLatch();
      const [first, second] = [datedEvent(), datedEvent()];
      const runner = new TestRunner(async ({ entry }) =>
        entry.id === first.id ? [failed('A')] : [],
      );
      runner.onAnnounce = () => heard.opened;
      const inbox = await harness.start(runner, {
        settings: { concurrency: 1 },
      });

      await inbox.accept(deliveryOf([first]));
      await expect.poll(() => runner.announced).toHaveLength(1);
      await inbox.accept(deliveryOf([second]));
      await expect.poll(() => runner.ids).toContain(second.id);

      heard.open();
      await inbox.idle();
    });

    it('runs one more attempt when a dashboard retries the job', async () => {
      const harness = new BullmqHarness(libraries);
      const error = new Error('down');
      const runner = new TestRunner(async ({ attempts }) => [
        failed('B', error, attempts + 1),
      ]);
      const inbox = await harness.start(runner);
      const event = datedEvent();
      const id = `${event.id}.B`;
      await inbox.accept(deliveryOf([event]));
      await inbox.idle();

      await (await harness.queue.getJob(id))!.retry('failed');
      await inbox.idle();
      expect(await inbox.deadLetters.get(id)).toMatchObject({ attempts: 2 });

      runner.behaviour = async () => [];
      await (await harness.queue.getJob(id))!.retry('failed');
      await inbox.idle();

      expect(runner.runs.map(({ attempts }) => attempts)).toEqual([0, 1, 2]);
      expect(await inbox.deadLetters.list()).toEqual([]);
    });

    it('fails a job of another program and does not show its data', async () => {
      const harness = new BullmqHarness(libraries);
      const runner = new TestRunner();
      const inbox = await harness.start(runner);

      await harness.queue.add('mail', { to: 'Ada Lovelace' } as never);
      await expect.poll(() => harness.queue.getFailedCount()).toBe(1);
      await inbox.idle();

      expect(await inbox.deadLetters.list()).toEqual([]);
      expect(runner.runs).toEqual([]);
      expect(runner.announced).toEqual([]);
      const text = harness.logs.ofXenioo('error').join();
      expect(text).toContain('its data is not a task that this version');
      expect(text).not.toContain('Ada');
      const [job] = await harness.queue.getFailed();
      expect(
        JSON.stringify([job!.failedReason, job!.stacktrace]),
      ).not.toContain('Ada');
    });
  });

  describeEngine(
    'redis',
    `BullmqInbox with a worker that dies on ${version}`,
    () => {
      /** Sets the number of times that a job has stalled. */
      async function setStalledCount(
        harness: BullmqHarness,
        id: string,
        times: number,
      ) {
        await harness.client.hset(harness.queue.toKey(id), { stc: times });
      }

      /** Starts a worker that runs a task and then loses its lock, as if it had died. */
      async function startDyingWorker(harness: BullmqHarness, id: string) {
        const dead = new TestRunner(() => new Promise(() => {}));
        await harness.start(dead, {
          lockDurationMs: 600,
          settings: { concurrency: 1 },
        });
        await expect.poll(() => dead.ids).toEqual([id]);
        await harness.client.del(`${harness.queue.toKey(id)}:lock`);
      }

      it('runs the task of a dead worker in another one', async () => {
        const harness = new BullmqHarness(libraries);
        const event = datedEvent();
        const accepting = harness.open({ worker: false });
        await accepting.accept(deliveryOf([event]));
        await startDyingWorker(harness, event.id);

        const other = new TestRunner();
        await harness.start(other, { lockDurationMs: 600 });

        await expect.poll(() => other.ids).toEqual([event.id]);
      });

      it('stores a dead letter without a handler for a task that crashed too many workers', async () => {
        const harness = new BullmqHarness(libraries);
        const event = datedEvent();
        const accepting = harness.open({ worker: false });
        await accepting.accept(deliveryOf([event]));
        await setStalledCount(harness, event.id, 10);
        await startDyingWorker(harness, event.id);

        const runner = new TestRunner();
        const inbox = await harness.start(runner, { lockDurationMs: 600 });
        await expect.poll(() => runner.announced).toHaveLength(1);

        const letter = await inbox.deadLetters.get(event.id);
        expect(letter).toEqual({
          id: event.id,
          kind: 'event',
          entry: event,
          error: {
            message: expect.stringContaining('stalled'),
            stack: expect.anything(),
          },
          deadLetteredAt: expect.any(Date),
        });
        expect(runner.announced[0]!.letter).toEqual(letter);
        expect(runner.runs).toEqual([]);

        await inbox.deadLetters.replay(event.id, [
          { entry: event, attempts: 0 },
        ]);
        await inbox.idle();
        expect(runner.runs).toEqual([{ entry: event, attempts: 0 }]);
        expect(await inbox.deadLetters.list()).toEqual([]);
      });

      it('counts the crashes of a replayed task from 0', async () => {
        const harness = new BullmqHarness(libraries);
        const event = datedEvent();
        const accepting = harness.open({ worker: false });
        await accepting.accept(deliveryOf([event]));
        await setStalledCount(harness, event.id, 10);
        await startDyingWorker(harness, event.id);
        const runner = new TestRunner(() => new Promise(() => {}));
        const inbox = await harness.start(runner, { lockDurationMs: 600 });
        await expect.poll(() => runner.announced).toHaveLength(1);

        await inbox.deadLetters.replay(event.id, [
          { entry: event, attempts: 0 },
        ]);
        await expect.poll(() => runner.ids).toEqual([event.id]);
        runner.behaviour = async () => [];
        await harness.client.del(`${harness.queue.toKey(event.id)}:lock`);

        await expect.poll(() => runner.ids).toEqual([event.id, event.id]);
        expect(runner.announced).toHaveLength(1);
      });

      it('runs suspicious tasks one after another', async () => {
        const harness = new BullmqHarness(libraries);
        const events = [datedEvent(), datedEvent(), datedEvent()];
        const fresh = datedEvent();
        const accepting = harness.open({ worker: false });
        await accepting.accept(deliveryOf([...events, fresh]));
        for (const { id } of events) await setStalledCount(harness, id, 3);
        let [suspects, most] = [0, 0];
        const proceed = createLatch();
        const runner = new TestRunner(async ({ entry }) => {
          if (entry.id === fresh.id) return proceed.open();
          most = Math.max(most, ++suspects);
          await proceed.opened;
          suspects--;
        });

        const inbox = await harness.start(runner);
        await inbox.idle();

        expect(runner.ids.toSorted()).toEqual(
          [...events, fresh].map(({ id }) => id).toSorted(),
        );
        expect(most).toBe(1);
      });

      it('runs one of two suspicious tasks that it receives at once', async () => {
        const harness = new BullmqHarness(libraries);
        const events = [datedEvent(), datedEvent()];
        const accepting = harness.open({ worker: false });
        await accepting.accept(deliveryOf(events));
        for (const { id } of events) await setStalledCount(harness, id, 3);
        const running = createLatch();
        const runner = new TestRunner(() => running.opened);
        const processor = new BullmqProcessor({
          queue: harness.queue,
          client: harness.client,
          jobs: new JobFactory(90),
          bullmq: libraries.bullmq,
          runner,
          reportFailure: () => {},
        });
        const worker: XeniooWorker = new libraries.bullmq.Worker(
          harness.queueName,
          null,
          { connection: harness.client, skipVersionCheck: true },
        );
        onTestFinished(() => worker.close(true));
        const first = await worker.getNextJob('first');
        const second = await worker.getNextJob('second');

        const processed = processor.process(first, 'first');
        await expect(processor.process(second, 'second')).rejects.toThrow(
          libraries.bullmq.DelayedError,
        );
        running.open();
        await processed;

        expect(runner.ids).toEqual([first.id]);
        expect(await harness.stateOf(second.id!)).toBe('delayed');
      });
    },
  );
}
