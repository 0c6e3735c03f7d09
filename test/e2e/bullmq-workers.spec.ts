import { describe, expect, it } from 'vitest';
import { deliver } from '../../lib/testing/index.js';
import {
  aQueue,
  HandlerRecord,
  startReceiver,
  startWorker,
} from '../support/bullmq-host.js';
import { BullmqWorkerProcess } from '../support/bullmq-worker.js';
import { createLatch } from '../support/create-latch.js';
import { describeEngine } from '../support/engines/describe-engine.js';
import { message, messages, numbered } from '../support/messages.js';

// What a killed process had in hand goes to others when its locks have run out, after 30 s or a little more.
const TIMEOUT = 180_000;

describeEngine('redis', 'processes with the BullMQ inbox', () => {
  describe.each(['express', 'fastify'] as const)('on %s', adapter => {
    it('an application with `worker: false` accepts, and a context handles', async () => {
      const inbox = aQueue();
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

  describe('several of them', () => {
    it(
      'run by a retry only the handler that failed, though it was in another one',
      async () => {
        const inbox = aQueue();
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
        // Where the closing takes long, it has had more than one attempt.
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
      'handle 500 events once, that two accept and four handle',
      async () => {
        const inbox = aQueue();
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
        // None of them can hold more than four, so each gets some.
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
      'handle once an event that two receive at one time',
      async () => {
        const inbox = aQueue();
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
      'take over at once what a handler still held when its process stopped',
      async () => {
        const inbox = aQueue();
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

        // The logger of the process is that of the application that came last.
        expect(second.logs.ofXenioo('warn')).toEqual([
          expect.stringMatching(
            /^Stopping after \d+ ms .* \(jobs: 1\); their jobs return to the queue/,
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
      'go on with what a killed one had in its hands',
      async () => {
        const inbox = aQueue();
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
