import { describe, expect, it } from 'vitest';
import { deliver } from '../../lib/testing/index.js';
import {
  newQueue,
  HandlerRecord,
  startReceiver,
  startWorker,
} from '../support/bullmq-host.js';
import { BullmqWorkerProcess } from '../support/bullmq-worker.js';
import { createLatch } from '../support/create-latch.js';
import { describeEngine } from '../support/engines/describe-engine.js';
import { message, messages, numbered } from '../support/messages.js';

// The events of a killed process go to others when its locks expire, after 30 s or a little more.
const TIMEOUT = 180_000;

describeEngine('redis', 'processes with the BullMQ inbox', () => {
  describe.each(['express', 'fastify'] as const)('on %s', adapter => {
    it('accepts in an application with `worker: false` and handles in an application context', async () => {
      const inbox = newQueue();
      const receiver = await startReceiver(adapter, {
        ...inbox,
        worker: false,
      });
      const texts = numbered('event', 5);
      await deliver(receiver.app, messages(texts), { grouped: 5 });
      expect(receiver.logs.ofXenioo('log').join('\n')).toContain(
        'this process handles none of them (`worker: false`)',
      );

      const worker = await startWorker(inbox);
      await expect.poll(() => worker.record.done.toSorted()).toEqual(texts);
      await worker.idle();

      expect(receiver.record.begun).toEqual([]);
      expect(await receiver.letters.list()).toEqual([]);
    });
  });

  describe('several processes', () => {
    it(
      'retry only the handler that failed, even in another process',
      async () => {
        const inbox = newQueue();
        const options = {
          retry: { attempts: 1_000, backoff: 'fixed', delayMs: 1_500 },
        } as const;
        const receiver = await startReceiver(
          'express',
          { ...inbox, worker: false },
          { options },
        );
        const record = new HandlerRecord();
        record.work = () => {
          throw new Error('the CRM is down');
        };
        const first = await startWorker(inbox, { record, options });
        await deliver(receiver.app, message('one'));
        await expect
          .poll(() => first.logs.ofXenioo('warn').join('\n'))
          .toContain('keep failed');
        await first.app.close();
        // There is more than one attempt if closing takes long.
        const attempts = record.begun.length;

        const second = await startWorker(inbox, { options });
        await expect.poll(() => second.record.done).toEqual(['one']);
        await second.idle();

        expect(second.record.begun).toEqual(['one']);
        expect(second.record.noted).toEqual([]);
        expect(record.begun).toHaveLength(attempts);
        expect(record.noted).toEqual(['one']);
      },
      TIMEOUT,
    );

    it(
      'handle each of 500 events once with two receivers and four workers',
      async () => {
        const inbox = newQueue();
        const receivers = await Promise.all(
          (['express', 'fastify'] as const).map(adapter =>
            startReceiver(adapter, { ...inbox, worker: false }),
          ),
        );
        const workers = await Promise.all(
          Array.from({ length: 4 }, () =>
            startWorker(inbox, { options: { concurrency: 4 } }),
          ),
        );
        // None of them can run more than four, so that each gets some.
        const latch = createLatch();
        for (const { record } of workers) {
          record.work = () => {
            if (workers.every(({ record: { begun } }) => begun.length > 0)) {
              latch.open();
            }
            return latch.opened;
          };
        }
        const texts = numbered('event', 500);
        const halves = [texts.slice(0, 250), texts.slice(250)].map(messages);
        const plan = { grouped: 10, concurrency: 25 };

        await Promise.all(
          receivers.map(({ app }, index) => deliver(app, halves[index], plan)),
        );
        const done = () => workers.flatMap(({ record }) => record.done);
        await expect.poll(() => done()).toHaveLength(500);
        await Promise.all(workers.map(({ idle }) => idle()));

        expect(done().toSorted()).toEqual(texts.toSorted());
        expect(
          workers.filter(({ record }) => record.done.length > 0),
        ).toHaveLength(4);
      },
      TIMEOUT,
    );

    it(
      'handle an event once that two of them receive at the same time',
      async () => {
        const inbox = newQueue();
        const receivers = await Promise.all(
          (['express', 'fastify'] as const).map(adapter =>
            startReceiver(adapter, inbox),
          ),
        );
        const texts = numbered('event', 20);
        const entries = messages(texts);

        await Promise.all(
          receivers.map(({ app }) =>
            deliver(app, entries, { concurrency: entries.length }),
          ),
        );
        const done = () => receivers.flatMap(({ record }) => record.done);
        await expect.poll(() => done().length).toBeGreaterThanOrEqual(20);
        await Promise.all(receivers.map(({ idle }) => idle()));

        expect(done().toSorted()).toEqual(texts.toSorted());
      },
      TIMEOUT,
    );

    it(
      'take over the unfinished event of a stopped process at once',
      async () => {
        const inbox = newQueue();
        const record = new HandlerRecord();
        const latch = createLatch();
        record.work = () => latch.opened;
        const first = await startReceiver('fastify', inbox, {
          record,
          options: { shutdownTimeoutMs: 50 },
        });
        await deliver(first.app, message('one'));
        await expect.poll(() => record.begun).toEqual(['one']);
        const second = await startWorker(inbox);

        await first.app.close();
        // The lock lasts 30 s.
        await expect
          .poll(() => second.record.done, { timeout: 20_000 })
          .toEqual(['one']);

        // The logger of the process is that of the application that started last.
        expect(second.logs.ofXenioo('warn')).toEqual([
          expect.stringMatching(
            /^Stopping while handlers .* \(jobs: 1\); their jobs return to the queue/,
          ),
        ]);
        latch.open();
        await second.idle();
        expect(second.record.begun).toEqual(['one']);
        expect(await second.letters.list()).toEqual([]);
      },
      TIMEOUT,
    );

    it(
      'take over the events of a killed process',
      async () => {
        const inbox = newQueue();
        const receiver = await startReceiver('express', {
          ...inbox,
          worker: false,
        });
        const texts = numbered('event', 10);
        const hanging = await BullmqWorkerProcess.start(inbox, {
          isHanging: true,
        });
        await deliver(receiver.app, messages(texts), { grouped: 10 });
        await expect.poll(() => hanging.begun).toHaveLength(10);
        await hanging.kill();

        const others = await Promise.all([
          BullmqWorkerProcess.start(inbox),
          BullmqWorkerProcess.start(inbox),
        ]);
        const done = () => others.flatMap(other => other.done);
        await expect.poll(() => done(), { timeout: 90_000 }).toHaveLength(10);

        expect(done().toSorted()).toEqual(texts);
      },
      TIMEOUT,
    );
  });
});
