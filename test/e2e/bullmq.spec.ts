import { Injectable, Module } from '@nestjs/common';
import { Queue } from 'bullmq';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  bullmqInbox,
  type BullmqInboxOptions,
} from '../../lib/bullmq/index.js';
import {
  XeniooInboxError,
  XeniooModule,
  XeniooOptionsError,
  type XeniooDeadLetter,
} from '../../lib/index.js';
import { deliver, xeniooEntry } from '../../lib/testing/index.js';
import {
  newQueue,
  HandlerRecord,
  startOwnRedis,
  startReceiver,
} from '../support/bullmq-host.js';
import { createLatch } from '../support/create-latch.js';
import { describeEngine } from '../support/engines/describe-engine.js';
import { startHost } from '../support/host-app.js';
import { message, messages } from '../support/messages.js';
import { WAIT_OPTIONS } from '../support/wait-options.js';

const TIMEOUT = 30_000;

/** Opens the queue as a dashboard does. */
function openQueue({
  connection,
  queue,
}: {
  connection: string;
  queue: string;
}) {
  const opened = new Queue(queue, { connection: { url: connection } });
  onTestFinished(() => opened.close());
  return opened;
}

describeEngine('redis', 'the queue of the BullMQ inbox', () => {
  describe.each(['express', 'fastify'] as const)('on %s', adapter => {
    it('stores a job for each event, with its type as the name and its id as the id', async () => {
      const inbox = newQueue();
      const { app, logs } = await startReceiver(adapter, {
        ...inbox,
        worker: false,
      });
      await deliver(app, [message('one'), xeniooEntry.malformed()]);
      const jobs = await openQueue(inbox).getJobs(['waiting']);
      expect(jobs.map(({ name }) => name).toSorted()).toEqual([
        'invalid',
        'user-message',
      ]);
      await app.close();

      const record = new HandlerRecord();
      const ids: string[] = [];
      record.work = ({ id }) => ids.push(id);
      await startReceiver(adapter, inbox, { record });
      await expect.poll(() => record.done).toEqual(['one']);
      const waiting = jobs.find(({ name }) => name === 'user-message');
      expect(ids).toEqual([waiting!.id]);
      expect(logs.ofXenioo('error')).toEqual([]);
    });

    it('replays a dead letter when a dashboard retries the job', async () => {
      const inbox = newQueue();
      const record = new HandlerRecord();
      record.work = () => {
        throw new Error('the CRM is down');
      };
      const { app, letters, idle } = await startReceiver(adapter, inbox, {
        record,
        options: { retry: false },
      });
      await deliver(app, message('one'));
      await expect.poll(() => record.failures).toHaveLength(1);
      const [{ id }] = (await letters.list()) as [XeniooDeadLetter];
      record.work = () => {};

      const job = await openQueue(inbox).getJob(id);
      expect(job).toMatchObject({ id, name: 'user-message' });
      expect(job!.failedReason).toBe('the CRM is down');
      await job!.retry('failed');
      await expect.poll(() => record.done).toEqual(['one']);
      await idle();

      expect(record.noted).toEqual(['one']);
      expect(await letters.list()).toEqual([]);
    });

    it('fails a foreign job and prints its data nowhere', async () => {
      const inbox = newQueue();
      const { app, letters, logs, record, idle } = await startReceiver(
        adapter,
        inbox,
        { options: { retry: false } },
      );
      const queue = openQueue(inbox);
      await queue.add('mail', { to: 'Ada Lovelace' });
      await queue.add('mail', { task: 'Ada Lovelace' });
      await expect.poll(() => queue.getFailedCount()).toBe(2);
      record.work = () => {
        throw new Error('the CRM is down');
      };
      await deliver(app, message('one'));
      await expect.poll(() => record.failures).toHaveLength(1);
      await idle();

      expect(await letters.list()).toHaveLength(1);
      expect(logs.ofXenioo('error').join('\n')).toContain(
        'its data is not a task that this version of nestjs-xenioo can read',
      );
      expect(JSON.stringify(logs.lines)).not.toContain('Ada');
      const failed = await queue.getFailed();
      const shown = failed.map(job => [job.failedReason, job.stacktrace]);
      expect(JSON.stringify(shown)).not.toContain('Ada');
    });

    it('rejects a second instance of the module on the same queue', async () => {
      const inbox = newQueue();
      await expect(
        startReceiver(adapter, inbox, {
          imports: [
            XeniooModule.forRoot({
              secret: 'other-secret',
              path: 'other',
              inbox: bullmqInbox(inbox),
            }),
          ],
        }),
      ).rejects.toThrow(/two instances of XeniooModule store their events at/);
    });

    it('uses the options that a factory returns', async () => {
      const inbox = newQueue();

      @Injectable()
      class Config {
        readonly inbox = inbox;
      }

      @Module({ providers: [Config], exports: [Config] })
      class ConfigModule {}

      await startHost(adapter, {
        imports: [
          XeniooModule.forRootAsync({
            imports: [ConfigModule],
            useFactory: () => ({ secret: 'right-secret' }),
            inbox: bullmqInbox({
              inject: [Config],
              useFactory: async (config: Config) => config.inbox,
            }),
          }),
        ],
      }).then(({ logs }) =>
        expect(logs.ofXenioo('log').join('\n')).toContain(
          `queue ${inbox.queue}`,
        ),
      );
    });
  });
});

describeEngine('redis', 'a Redis that is down', () => {
  it(
    'does not block the boot: the application answers 503 in time, and 200 once Redis is up',
    async () => {
      const server = await startOwnRedis();
      await server.kill();
      const { app, send, record } = await startReceiver(
        'express',
        { connection: server.url },
        { options: { acceptTimeoutMs: 300 } },
      );

      const from = performance.now();
      expect(await send(message('lost'))).toBe(503);
      expect(performance.now() - from).toBeLessThan(20_000);
      await server.start();

      await vi.waitFor(() => deliver(app, message('up')), WAIT_OPTIONS);
      await expect.poll(() => record.done).toContain('up');
    },
    TIMEOUT,
  );

  it.each<[string, string[]]>([
    ['no handler is running', []],
    ['a handler hangs', ['hangs']],
  ])(
    'does not block the shutdown while %s',
    async (_, texts) => {
      const server = await startOwnRedis();
      const record = new HandlerRecord();
      const latch = createLatch();
      record.work = () => latch.opened;
      const { app, send } = await startReceiver(
        'fastify',
        { connection: server.url },
        { record, options: { shutdownTimeoutMs: 500 } },
      );
      expect(await send(messages(texts))).toBe(200);
      await expect.poll(() => record.begun).toEqual(texts);
      await server.kill();

      const from = performance.now();
      await app.close();
      expect(performance.now() - from).toBeLessThan(20_000);
      latch.open();
    },
    TIMEOUT,
  );
});

describe('the boot with invalid options of bullmqInbox()', () => {
  it.each<[string, object, RegExp]>([
    [
      'no connection',
      {},
      /`connection` of bullmqInbox\(\) to be a URL .*, got nothing/,
    ],
    [
      'an option that does not exist',
      { connection: 'redis://:hunter2@127.0.0.1', queu: 'x' },
      /`queu` is not an option here; the options are connection/,
    ],
    [
      'a URL of something else',
      { connection: 'mysql://root:hunter2@127.0.0.1' },
      /a URL that begins with redis:\/\//,
    ],
  ])('fails for %s', async (_, options, message) => {
    const error = await startReceiver(
      'express',
      options as BullmqInboxOptions,
    ).catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(XeniooOptionsError);
    expect((error as Error).message).toMatch(message);
    expect(`${(error as Error).stack}`).not.toContain('hunter2');
  });
});

describeEngine(
  'redis',
  'an application whose Redis rejects the password',
  () => {
    it.each(['express', 'fastify'] as const)(
      'stops its boot on %s',
      async adapter => {
        const server = await startOwnRedis({ password: 'hunter2' });
        const connection = server.url.replace('hunter2', 'hunter3');

        const error: unknown = await startReceiver(adapter, {
          connection,
        }).catch((caught: unknown) => caught);

        expect(error).toBeInstanceOf(XeniooInboxError);
        expect(String(error)).toMatch(/can't use Redis at \S+: WRONGPASS/);
        expect(String(error)).not.toContain('hunter');
      },
      TIMEOUT,
    );
  },
);

describeEngine('redis', 'the password of Redis and the texts of people', () => {
  it(
    'are never logged, not even in errors',
    async () => {
      const server = await startOwnRedis({ password: 'hunter2' });
      const record = new HandlerRecord();
      const { send, app, logs } = await startReceiver(
        'fastify',
        { connection: server.url },
        {
          record,
          options: {
            acceptTimeoutMs: 2_000,
            shutdownTimeoutMs: 500,
            retry: false,
          },
        },
      );
      record.work = () => {
        throw new Error('the CRM is down');
      };
      // The same event is sent again.
      const first = message('dear Ada 1');
      await vi.waitFor(() => deliver(app, first), WAIT_OPTIONS);
      await expect.poll(() => record.failures).toHaveLength(1);
      await server.kill();
      expect(await send(message('dear Ada 2'))).toBe(503);
      await app.close();

      const wrong = await startReceiver(
        'express',
        { connection: server.url.replace('hunter2', 'hunter3') },
        { options: { acceptTimeoutMs: 2_000 } },
      );
      await server.start();
      await expect.poll(() => wrong.send(message('dear Ada 3'))).toBe(503);
      expect(wrong.logs.ofXenioo('error')).not.toEqual([]);

      const lines = JSON.stringify([logs.lines, wrong.logs.lines]);
      expect(lines).not.toMatch(/hunter|dear Ada/);
    },
    TIMEOUT,
  );
});
