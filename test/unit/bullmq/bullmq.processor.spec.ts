import { expect, it, vi } from 'vitest';
import { describeEngine } from '../../support/engines/describe-engine.js';
import {
  BULLMQ_VERSIONS,
  BullmqBench,
  datedEvent,
  deliveryOf,
  done,
  failed,
  gate,
  invalidEntry,
  retried,
  TestRunner,
} from '../../support/bullmq-bench.js';
import { SOON } from '../../support/soon.js';

for (const [version, libraries] of BULLMQ_VERSIONS) {
  describeEngine('redis', `BullmqInbox tasks on ${version}`, () => {
    it('removes the task when every handler is done', async () => {
      const bench = new BullmqBench(libraries);
      const runner = new TestRunner(async () => [done('A'), done('B')]);
      const inbox = await bench.start(runner);
      const event = datedEvent();

      await inbox.accept(deliveryOf([event], { carrier: { trace: '1' } }));
      await inbox.idle();

      expect(runner.runs).toEqual([
        { entry: event, attempts: 0, carrier: { trace: '1' } },
      ]);
      expect(await bench.stateOf(event.id)).toBe('unknown');
    });

    it('retries only the handler that failed, when it is due, with its attempts', async () => {
      const bench = new BullmqBench(libraries);
      const dueAt: number[] = [];
      const startedAt: number[] = [];
      const runner = new TestRunner(async ({ attempts }) => {
        startedAt.push(Date.now());
        if (attempts === 3) return [done('B', 4)];
        const retry = retried('B', 60, attempts + 1);
        dueAt.push(Date.now() + 50);
        return attempts === 0 ? [done('A'), retry] : [retry];
      });
      const inbox = await bench.start(runner);
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
      expect(await bench.queue.getJobCounts()).not.toMatchObject({ failed: 1 });
      expect(runner.announced).toEqual([]);
    });

    it('shows a retry as a delayed job with its reason', async () => {
      const bench = new BullmqBench(libraries);
      const runner = new TestRunner(async ({ attempts }) => [
        retried('Crm.save', attempts === 0 ? 0 : 60_000, attempts + 1),
      ]);
      const inbox = await bench.start(runner);
      const event = datedEvent();
      await inbox.accept(deliveryOf([event]));

      const id = `${event.id}.Crm.save`;
      await vi.waitFor(async () => {
        const job = await bench.queue.getJob(id);
        expect(job).toMatchObject({
          name: 'user-message',
          failedReason: 'Crm.save fails',
          attemptsMade: 1,
        });
        expect(await job!.getState()).toBe('delayed');
      }, SOON);
    });

    it('stores a dead letter for a handler that failed in the first run and does not run it again', async () => {
      const bench = new BullmqBench(libraries);
      const error = new TypeError('the CRM says no');
      const runner = new TestRunner(async () => [
        done('A'),
        failed('Crm.save', error),
        failed('Crm.notify'),
      ]);
      const seen: unknown[] = [];
      const inbox = await bench.start(runner);
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
      expect(await bench.stateOf(`${event.id}.Crm.save`)).toBe('failed');
    });

    it('stores a dead letter for a handler whose last retry failed', async () => {
      const bench = new BullmqBench(libraries);
      const error = new Error('still down');
      const runner = new TestRunner(async ({ attempts }) =>
        attempts < 2
          ? [retried('B', 10, attempts + 1)]
          : [failed('B', error, 3)],
      );
      const inbox = await bench.start(runner);
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
      const bench = new BullmqBench(libraries);
      const runner = new TestRunner(async ({ attempts }) =>
        attempts < 1 ? [retried('B', 0)] : [failed('B', 'no more', 2)],
      );
      const inbox = await bench.start(runner);

      await inbox.accept(deliveryOf([datedEvent()]));
      await inbox.idle();

      const [letter] = await inbox.deadLetters.list();
      expect(letter!.error).toEqual({ message: 'no more' });
    });

    it('supports colons in handler names', async () => {
      const bench = new BullmqBench(libraries);
      const runner = new TestRunner(async () => [failed('crm:save:all')]);
      const inbox = await bench.start(runner);
      const event = datedEvent();

      await inbox.accept(deliveryOf([event]));
      await inbox.idle();

      const id = `${event.id}.crm:save:all`;
      expect(await inbox.deadLetters.get(id)).toMatchObject({ id });
    });

    it('stores a dead letter for an invalid entry', async () => {
      const bench = new BullmqBench(libraries);
      const runner = new TestRunner();
      const inbox = await bench.start(runner);
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
      const job = await bench.queue.getJob(entry.id);
      expect(job).toMatchObject({
        name: 'invalid',
        failedReason: `${entry.reason}: ${entry.errors.join('; ')}`,
      });
    });

    it('retries a missing handler without counting attempts', async () => {
      const bench = new BullmqBench(libraries);
      const missingSince = Date.now() - 1_000;
      const runner = new TestRunner(async ({ attempts, ...task }) => {
        if (runner.runs.length === 1) return [retried('B', 0, 1)];
        if (runner.runs.length < 4) {
          return [{ ...retried('B', 10, attempts), missingSince }];
        }
        expect(task.missingSince).toBe(missingSince);
        return [failed('B', new Error('no such handler'), attempts)];
      });
      const inbox = await bench.start(runner);

      await inbox.accept(deliveryOf([datedEvent()]));
      await inbox.idle();

      expect(runner.runs.map(({ attempts }) => attempts)).toEqual([0, 1, 1, 1]);
      expect((await inbox.deadLetters.list())[0]).toMatchObject({
        attempts: 1,
      });
    });

    it('removes missingSince once the handler has run', async () => {
      const bench = new BullmqBench(libraries);
      const runner = new TestRunner(async ({ attempts }) => {
        const retry = retried('B', 0, attempts + 1);
        if (runner.runs.length === 2) {
          return [{ ...retry, attempts, missingSince: 1 }];
        }
        return runner.runs.length < 5 ? [retry] : [];
      });
      const inbox = await bench.start(runner);

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
      const bench = new BullmqBench(libraries);
      const heard = gate();
      const [first, second] = [datedEvent(), datedEvent()];
      const runner = new TestRunner(async ({ entry }) =>
        entry.id === first.id ? [failed('A')] : [],
      );
      runner.onAnnounce = () => heard.opened;
      const inbox = await bench.start(runner, { settings: { concurrency: 1 } });

      await inbox.accept(deliveryOf([first]));
      await expect.poll(() => runner.announced).toHaveLength(1);
      await inbox.accept(deliveryOf([second]));
      await expect.poll(() => runner.ids).toContain(second.id);

      heard.open();
      await inbox.idle();
    });

    it('runs one more attempt when a dashboard retries the job', async () => {
      const bench = new BullmqBench(libraries);
      const error = new Error('down');
      const runner = new TestRunner(async ({ attempts }) => [
        failed('B', error, attempts + 1),
      ]);
      const inbox = await bench.start(runner);
      const event = datedEvent();
      const id = `${event.id}.B`;
      await inbox.accept(deliveryOf([event]));
      await inbox.idle();

      await (await bench.queue.getJob(id))!.retry('failed');
      await inbox.idle();
      expect(await inbox.deadLetters.get(id)).toMatchObject({ attempts: 2 });

      runner.behaviour = async () => [];
      await (await bench.queue.getJob(id))!.retry('failed');
      await inbox.idle();

      expect(runner.runs.map(({ attempts }) => attempts)).toEqual([0, 1, 2]);
      expect(await inbox.deadLetters.list()).toEqual([]);
    });

    it('fails a job of another program and does not show its data', async () => {
      const bench = new BullmqBench(libraries);
      const runner = new TestRunner();
      const inbox = await bench.start(runner);

      await bench.queue.add('mail', { to: 'Ada Lovelace' } as never);
      await expect.poll(() => bench.queue.getFailedCount()).toBe(1);
      await inbox.idle();

      expect(await inbox.deadLetters.list()).toEqual([]);
      expect(runner.runs).toEqual([]);
      expect(runner.announced).toEqual([]);
      const text = bench.logs.ofXenioo('error').join();
      expect(text).toContain('its data is not a task that this version');
      expect(text).not.toContain('Ada');
      const [job] = await bench.queue.getFailed();
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
        bench: BullmqBench,
        id: string,
        times: number,
      ) {
        await bench.client.hset(bench.queue.toKey(id), { stc: times });
      }

      /** Starts a worker that runs a task and then loses its lock, as if it had died. */
      async function startDyingWorker(bench: BullmqBench, id: string) {
        const dead = new TestRunner(() => new Promise(() => {}));
        await bench.start(dead, {
          lockDurationMs: 600,
          settings: { concurrency: 1 },
        });
        await expect.poll(() => dead.ids).toEqual([id]);
        await bench.client.del(`${bench.queue.toKey(id)}:lock`);
      }

      it('runs the task of a dead worker in another one', async () => {
        const bench = new BullmqBench(libraries);
        const event = datedEvent();
        const accepting = bench.open({ worker: false });
        await accepting.accept(deliveryOf([event]));
        await startDyingWorker(bench, event.id);

        const other = new TestRunner();
        await bench.start(other, { lockDurationMs: 600 });

        await expect.poll(() => other.ids).toEqual([event.id]);
      });

      it('stores a dead letter without a handler for a task that crashed too many workers', async () => {
        const bench = new BullmqBench(libraries);
        const event = datedEvent();
        const accepting = bench.open({ worker: false });
        await accepting.accept(deliveryOf([event]));
        await setStalledCount(bench, event.id, 10);
        await startDyingWorker(bench, event.id);

        const runner = new TestRunner();
        const inbox = await bench.start(runner, { lockDurationMs: 600 });
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

      it('runs suspicious tasks one after another', async () => {
        const bench = new BullmqBench(libraries);
        const events = [datedEvent(), datedEvent(), datedEvent()];
        const fresh = datedEvent();
        const accepting = bench.open({ worker: false });
        await accepting.accept(deliveryOf([...events, fresh]));
        for (const { id } of events) await setStalledCount(bench, id, 3);
        let [suspects, most] = [0, 0];
        const proceed = gate();
        const runner = new TestRunner(async ({ entry }) => {
          if (entry.id === fresh.id) return proceed.open();
          most = Math.max(most, ++suspects);
          await proceed.opened;
          suspects--;
        });

        const inbox = await bench.start(runner);
        await inbox.idle();

        expect(runner.ids.toSorted()).toEqual(
          [...events, fresh].map(({ id }) => id).toSorted(),
        );
        expect(most).toBe(1);
      });
    },
  );
}
