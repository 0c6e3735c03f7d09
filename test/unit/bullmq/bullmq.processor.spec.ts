import type { WorkerOptions } from 'bullmq';
import { expect, describe, it, onTestFinished, vi } from 'vitest';
import { BullmqProcessor } from '../../../lib/bullmq/bullmq.processor.js';
import { stateOf, type XeniooWorker } from '../../../lib/bullmq/stored-job.js';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import {
  datedEvent,
  gate,
  givenUp,
  invalidEntry,
  settled,
  toBeRetried,
  type Behaviour,
} from '../../../lib/testing/inbox-bench.js';
import { bullmqBench, type BullmqBench } from '../../support/bullmq-bench.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { startPostgres } from '../../support/engines/postgres-server.js';
import { startRedis } from '../../support/engines/redis-server.js';

// A busy machine takes its time to start an engine.
vi.setConfig({ testTimeout: 60_000 });

const LONG = { timeout: 20_000 };

const WORKER = {
  autorun: false,
  concurrency: 4,
  lockDuration: 30_000,
  stalledInterval: 5_000,
  maxStalledCount: 10,
};

/** A processor at work on the queue of a bench. */
async function processing(
  { bench, open }: BullmqBench,
  behaviour: Behaviour,
  options: Partial<WorkerOptions> = {},
) {
  const restored: XeniooEntry[] = [];
  const troubles: unknown[] = [];
  const processor = new BullmqProcessor(
    open.queue,
    bench.dispatch(behaviour),
    async entries => void restored.push(...entries),
    error => troubles.push(error),
  );
  const worker = await open.openWorker(processor.process, {
    ...WORKER,
    ...options,
  });
  const failed: string[] = [];
  worker.on('failed', (job, { message }) => failed.push(`${job?.id}`, message));
  worker.on('error', () => {});
  void worker.run().catch(() => {});
  onTestFinished(() => worker.close(true).catch(() => {}));
  return { processor, worker, restored, troubles, failed };
}

/** Where the job of an entry is, and what it holds. */
async function jobOf({ open }: BullmqBench, { id }: XeniooEntry) {
  const job = await open.queue.getJob(id);
  if (!job) return undefined;
  return {
    where: await job.getState(),
    reason: job.failedReason,
    dueAt: job.timestamp + job.delay,
    ...stateOf(job),
  };
}

/** Ends a worker as an application that stops does: it begins with nothing more. */
const closing = (worker: XeniooWorker) => worker.close().catch(() => {});

describe.each(['redis', 'postgres'] as const)('in %s', name => {
  const opened = async (...entries: XeniooEntry[]) => {
    const all = await bullmqBench(name);
    const inbox = await all.bench.open();
    await inbox.accept({ entries });
    return { ...all, inbox };
  };

  describeEngine(name, 'the job of an event', () => {
    it('is gone when its handlers are done', async () => {
      const event = datedEvent();
      const all = await opened(event);

      const { processor, failed } = await processing(all, () => settled());

      await expect.poll(() => jobOf(all, event), LONG).toBe(undefined);
      await expect.poll(() => processor.inFlight).toBe(0);
      expect(all.bench.ids).toEqual([event.id]);
      expect(failed).toEqual([]);
    });

    it('waits for its retry with its progress', async () => {
      const event = datedEvent();
      const all = await opened(event);
      const retry = toBeRetried(60_000);

      const { failed } = await processing(all, () => retry);

      await expect
        .poll(() => jobOf(all, event), LONG)
        .toMatchObject({
          where: 'delayed',
          progress: retry.progress,
          failures: [],
        });
      const { dueAt } = (await jobOf(all, event))!;
      expect(Math.abs(dueAt - retry.retryAt!)).toBeLessThan(2_000);
      expect(failed).toEqual([]);
    });

    it('goes on with its progress when it is due', async () => {
      const event = datedEvent();
      const all = await opened(event);
      const retry = toBeRetried(100);

      await processing(all, ({ progress }) => (progress ? settled() : retry));

      await expect.poll(() => all.bench.runs.length, LONG).toBe(2);
      await expect.poll(() => jobOf(all, event), LONG).toBe(undefined);
      expect(all.bench.runs[1]).toMatchObject({ progress: retry.progress });
      expect(all.bench.runs[1]!.at).toBeGreaterThanOrEqual(retry.retryAt!);
    });

    it('has failed when a handler gave up, and says why', async () => {
      const event = datedEvent();
      const all = await opened(event);

      await processing(all, ({ entry }) => givenUp(entry, ['A', 'B']));

      await expect
        .poll(() => jobOf(all, event), LONG)
        .toMatchObject({
          where: 'failed',
          reason: 'A: A is broken; B: B is broken',
          failures: [{ handler: 'A' }, { handler: 'B' }],
        });
      expect(all.bench.runs).toHaveLength(1);
    });

    it('waits while other handlers are tried again, and is a letter already', async () => {
      const event = datedEvent();
      const all = await opened(event);

      await processing(all, ({ entry }) => ({
        ...toBeRetried(60_000),
        failures: givenUp(entry).failures,
      }));

      await expect
        .poll(() => jobOf(all, event), LONG)
        .toMatchObject({
          where: 'delayed',
          failures: [{ handler: 'Crm.save' }],
        });
      expect(await all.inbox.deadLetters.get(event.id)).toMatchObject({
        failures: [{ handler: 'Crm.save' }],
      });
    });
  });

  describeEngine(name, 'the job of an invalid entry', () => {
    it('has failed when it was told, and says what was wrong', async () => {
      const entry = invalidEntry();
      const all = await opened(entry);

      await processing(all, () => settled());

      await expect
        .poll(() => jobOf(all, entry), LONG)
        .toMatchObject({ where: 'failed', reason: /^invalid-fields: / });
      expect(all.bench.ids).toEqual([entry.id]);
    });

    it('is gone when what it turned out to be is in the queue', async () => {
      const entry = invalidEntry();
      const event = datedEvent();
      const all = await opened(entry);
      const { restored } = await processing(all, () => settled());
      await expect
        .poll(() => jobOf(all, entry), LONG)
        .toMatchObject({ where: 'failed' });

      await all.inbox.deadLetters.replay(entry.id, { entries: [event] });

      await expect.poll(() => jobOf(all, entry), LONG).toBe(undefined);
      expect(restored).toEqual([event]);
      expect(all.bench.ids).toEqual([entry.id]);
    });
  });

  describeEngine(name, 'a job that somebody else put there', () => {
    it('fails, and no handler sees it', async () => {
      const all = await opened();
      const foreign = { to: 'SeCrEt@example.com' } as never;
      const job = await all.open.queue.add('mail', foreign);

      const { failed } = await processing(all, () => settled());

      await expect.poll(() => job.getState(), LONG).toBe('failed');
      await expect.poll(() => failed[1]).toMatch(/^it holds no entry/);
      expect(all.bench.runs).toEqual([]);
    });
  });

  describeEngine(name, 'failures', () => {
    it('are announced when the dead letter can be read', async () => {
      const event = datedEvent();
      const all = await opened(event);
      const seen: unknown[] = [];

      await processing(all, ({ entry }) =>
        givenUp(entry, ['A'], async () => {
          seen.push((await jobOf(all, event))?.where);
          seen.push(await all.inbox.deadLetters.get(event.id));
        }),
      );

      await expect
        .poll(() => seen, LONG)
        .toMatchObject(['failed', { failures: [{ handler: 'A' }] }]);
    });

    it('hold nothing back while they are announced, and count as in flight', async () => {
      const [first, second] = [datedEvent(), datedEvent()];
      const all = await opened(first, second);
      const { opened: heard, open } = gate();

      const { processor } = await processing(
        all,
        ({ entry }) =>
          entry.id === first.id
            ? givenUp(entry, ['A'], () => heard)
            : settled(),
        { concurrency: 1 },
      );

      await expect.poll(() => jobOf(all, second), LONG).toBe(undefined);
      await expect.poll(() => processor.inFlight).toBe(1);
      open();
      await expect.poll(() => processor.inFlight).toBe(0);
    });

    it('that could not be announced are told in the log', async () => {
      const event = datedEvent();
      const all = await opened(event);

      await processing(all, ({ entry }) =>
        givenUp(entry, ['A'], () => Promise.reject(new Error('deaf'))),
      );

      await expect
        .poll(() => all.logs.ofXenioo('error'), LONG)
        .toEqual([expect.stringMatching(/^A failure was not announced: deaf/)]);
      expect(await jobOf(all, event)).toMatchObject({ where: 'failed' });
    });
  });

  describeEngine(name, 'a job whose lock ran out', () => {
    it.each([
      ['are done', () => settled()],
      ['gave up', givenUp],
      ['are to be tried again', () => toBeRetried(1)],
    ])(
      'stays where its new owner put it, when handlers %s at last',
      async (_, late) => {
        const event = datedEvent();
        const all = await opened(event);
        const { opened: goOn, open } = gate();
        const slow = await processing(
          all,
          async ({ entry }) => {
            await goOn;
            return late(entry);
          },
          { lockDuration: 1_000, lockRenewTime: 60_000 },
        );
        await expect.poll(() => all.bench.runs.length, LONG).toBe(1);
        // It is the other that is to find the job.
        const closed = closing(slow.worker);
        const { failed } = await processing(all, () => toBeRetried(60_000), {
          stalledInterval: 300,
        });
        await expect
          .poll(() => jobOf(all, event), LONG)
          .toMatchObject({ where: 'delayed' });
        const { dueAt } = (await jobOf(all, event))!;
        const { data } = (await all.open.queue.getJob(event.id))!;

        open();
        await closed;
        await expect.poll(() => slow.processor.inFlight).toBe(0);

        expect(await jobOf(all, event)).toMatchObject({
          where: 'delayed',
          dueAt,
        });
        expect((await all.open.queue.getJob(event.id))!.data).toEqual(data);
        expect([...slow.failed, ...failed]).toEqual([]);
        expect(slow.troubles).toEqual([]);
      },
    );

    it('may be gone', async () => {
      const event = datedEvent();
      const all = await opened(event);
      const { opened: goOn, open } = gate();
      const slow = await processing(all, async ({ entry }) => {
        await goOn;
        return givenUp(entry);
      });
      await expect.poll(() => all.bench.runs.length, LONG).toBe(1);

      await all.open.queue.obliterate({ force: true });
      open();

      await expect.poll(() => slow.processor.inFlight).toBe(0);
      expect(await jobOf(all, event)).toBe(undefined);
      expect(slow.troubles).toEqual([]);
    });
  });

  describeEngine(name, 'what is abandoned', () => {
    it('goes back to the queue, and what comes of it does not count', async () => {
      const event = datedEvent();
      const all = await opened(event);
      const { opened: goOn, open } = gate();
      const { processor, worker, failed } = await processing(
        all,
        async ({ entry, onHandled }) => {
          onHandled!('Crm.count');
          await goOn;
          return givenUp(entry);
        },
      );
      await expect.poll(() => all.bench.runs.length, LONG).toBe(1);
      const closed = closing(worker);

      processor.abandon();
      await closed;

      const isBack = {
        where: 'waiting',
        failures: [],
        progress: { attempted: false, done: ['Crm.count'] },
      };
      expect(processor.inFlight).toBe(0);
      expect(await jobOf(all, event)).toMatchObject(isBack);
      open();
      await new Promise(setImmediate);
      expect(await jobOf(all, event)).toMatchObject(isBack);
      expect(failed).toEqual([]);
    });

    it('begins with nothing more, whatever the worker still hands over', async () => {
      const event = datedEvent();
      const all = await opened();
      const { processor, worker } = await processing(all, () => settled());
      processor.abandon();

      await all.inbox.accept({ entries: [event] });
      await vi.waitFor(async () => {
        const job = await all.open.queue.getJob(event.id);
        expect(job!.attemptsStarted).toBeGreaterThan(0);
      }, LONG);
      await closing(worker);

      expect(all.bench.runs).toEqual([]);
      expect(await jobOf(all, event)).toMatchObject({ where: 'waiting' });
    });

    it('is handled by another process, past the handlers that were done', async () => {
      const event = datedEvent();
      const all = await opened(event);
      const { processor, worker } = await processing(all, ({ onHandled }) => {
        onHandled!('Crm.count');
        return new Promise(() => {});
      });
      await expect.poll(() => all.bench.runs.length, LONG).toBe(1);
      const closed = closing(worker);
      processor.abandon();
      await closed;

      await processing(all, () => settled());

      await expect.poll(() => jobOf(all, event), LONG).toBe(undefined);
      expect(all.bench.runs.map(({ progress }) => progress?.done)).toEqual([
        undefined,
        ['Crm.count'],
      ]);
    });
  });

  describeEngine(name, 'an engine that dies while handlers run', () => {
    it('is told of what they came to when it is there again', async () => {
      const server = await (name === 'redis' ? startRedis() : startPostgres());
      onTestFinished(() => server.stop());
      const all = await bullmqBench(name, { connection: server.url });
      const event = datedEvent();
      await (await all.bench.open()).accept({ entries: [event] });
      let isAnnounced = false;
      const killed = gate();

      await processing(all, async ({ entry }) => {
        await server.kill();
        killed.open();
        return givenUp(entry, ['A'], async () => void (isAnnounced = true));
      });
      await killed.opened;
      expect(isAnnounced).toBe(false);
      await server.start();

      await expect
        .poll(() => jobOf(all, event).catch(() => undefined), LONG)
        .toMatchObject({ where: 'failed', failures: [{ handler: 'A' }] });
      await expect.poll(() => isAnnounced).toBe(true);
      expect(all.bench.runs).toHaveLength(1);
    });
  });
});
