import { BullModule } from '@nestjs/bullmq';
import { Injectable, Module } from '@nestjs/common';
import { createPostgresBackend, createRedisBackend, Queue } from 'bullmq';
import { Pool } from 'pg';
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import {
  bullmqInbox,
  type BullmqInboxOptions,
} from '../../lib/bullmq/index.js';
import {
  XeniooModule,
  XeniooOptionsError,
  type XeniooDeadLetter,
} from '../../lib/index.js';
import { deliver, xeniooEntry } from '../../lib/testing/index.js';
import {
  Book,
  BULLMQ_ENGINES,
  endingWithTest,
  startReceiver,
} from '../support/bullmq-host.js';
import { describeEngine } from '../support/engines/describe-engine.js';
import { startPostgres } from '../support/engines/postgres-server.js';
import {
  startRedis,
  type RedisOptions,
} from '../support/engines/redis-server.js';
import { startHost } from '../support/host-app.js';
import { message } from '../support/messages.js';
import { recordPrinted } from '../support/printed.js';

const SOON = { timeout: 10_000 };
const TIMEOUT = 30_000;

/** The queue as a dashboard opens it. */
function openQueue({
  connection,
  queue,
}: {
  connection: string;
  queue: string;
}) {
  const opened = connection.startsWith('postgres')
    ? new Queue(
        queue,
        { connection: { connectionString: connection } },
        createPostgresBackend,
      )
    : new Queue(queue, { connection: { url: connection } }, createRedisBackend);
  onTestFinished(() => opened.close());
  return opened;
}

for (const { engine, adapter, onShared } of BULLMQ_ENGINES) {
  describeEngine(engine, `the queue on ${engine}`, () => {
    it('holds a job for each event, with its type as name and its id', async () => {
      const inbox = await onShared();
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

      const book = new Book();
      const ids: string[] = [];
      book.work = ({ id }) => ids.push(id);
      await startReceiver(adapter, inbox, { book });
      await vi.waitFor(() => expect(book.done).toEqual(['one']), SOON);
      const waiting = jobs.find(({ name }) => name === 'user-message');
      expect(ids).toEqual([waiting!.id]);
      expect(logs.ofXenioo('error')).toEqual([]);
    });

    it('lets a dashboard replay a dead letter by its button “retry”', async () => {
      const inbox = await onShared();
      const book = new Book();
      book.work = () => {
        throw new Error('the CRM is down');
      };
      const { app, letters, idle } = await startReceiver(adapter, inbox, {
        book,
        options: { retry: false },
      });
      await deliver(app, message('one'));
      await vi.waitFor(() => expect(book.failures).toHaveLength(1), SOON);
      const [{ id }] = (await letters.list()) as [XeniooDeadLetter];
      book.work = () => {};

      const job = await openQueue(inbox).getJob(id);
      expect(job).toMatchObject({ id, name: 'user-message' });
      expect(job!.failedReason).toBe('keep: the CRM is down');
      await job!.retry('failed');
      await vi.waitFor(() => expect(book.done).toEqual(['one']), SOON);
      await idle();

      expect(book.noted).toEqual(['one']);
      expect(await letters.list()).toEqual([]);
    });

    it('makes a failed job of what somebody else puts into it, and shows it nowhere', async () => {
      const inbox = await onShared();
      const { app, letters, logs, book, idle } = await startReceiver(
        adapter,
        inbox,
        { options: { retry: false } },
      );
      const queue = openQueue(inbox);
      await queue.add('mail', { to: 'Ada Lovelace' });
      await queue.add('mail', { entry: 'Ada Lovelace' });
      await vi.waitFor(
        async () => expect(await queue.getFailedCount()).toBe(2),
        SOON,
      );
      book.work = () => {
        throw new Error('the CRM is down');
      };
      await deliver(app, message('one'));
      await vi.waitFor(() => expect(book.failures).toHaveLength(1), SOON);
      await idle();

      expect(await letters.list()).toHaveLength(1);
      expect(logs.ofXenioo('error').join('\n')).toContain(
        'it holds no entry as nestjs-xenioo puts it into the queue',
      );
      expect(JSON.stringify(logs.lines)).not.toContain('Ada');
      const failed = await queue.getFailed();
      const shown = failed.map(job => [job.failedReason, job.stacktrace]);
      expect(JSON.stringify(shown)).not.toContain('Ada');
    });

    it('has one instance of the module in an application', async () => {
      const inbox = await onShared();
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
      ).rejects.toThrow(/two instances of XeniooModule keep their events at/);
    });

    it('is that of the options which a factory makes', async () => {
      const inbox = await onShared();

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
}

describeEngine('redis', 'the connection of BullModule.forRoot()', () => {
  it('is taken when none is given', async () => {
    const { hostname: host, port } = new URL(inject('redisUrl'));
    const queue = `shared-${Date.now()}`;
    const { app, book } = await startReceiver(
      'express',
      { queue },
      {
        imports: [
          BullModule.forRoot({ connection: { host, port: Number(port) } }),
        ],
      },
    );

    await deliver(app, message('one'));
    await vi.waitFor(() => expect(book.done).toEqual(['one']), SOON);
  });
});

describeEngine('redis', 'a Redis that may lose what it accepted', () => {
  it.each<[string, RedisOptions, RegExp[]]>([
    ['is not warned of where it is set up well', {}, []],
    [
      'is warned of with `appendonly no`',
      { appendonly: false },
      [/forgets what was answered 200 when it restarts.*CONFIG SET appendonly/],
    ],
    [
      'is warned of with `appendfsync everysec`',
      { appendfsync: 'everysec' },
      [/last second.*CONFIG SET appendfsync always/],
    ],
    [
      'is warned of with a policy that drops keys',
      { maxmemory: '64mb', maxmemoryPolicy: 'allkeys-lru' },
      [/`maxmemory-policy allkeys-lru`.*CONFIG SET maxmemory-policy/],
    ],
  ])('%s', async (_, options, warnings) => {
    const server = endingWithTest(await startRedis(options));
    const printed = recordPrinted();
    const { app, logs } = await startReceiver('express', {
      connection: server.url,
    });

    await deliver(app, message('one'));
    await vi.waitFor(
      () => expect(logs.ofXenioo('warn')).toHaveLength(warnings.length),
      SOON,
    );

    for (const [index, warning] of warnings.entries()) {
      expect(logs.ofXenioo('warn')[index]).toMatch(warning);
    }
    expect(printed).toEqual([]);
  });
});

describeEngine(
  'postgres',
  'a PostgreSQL that may lose what it accepted',
  () => {
    it(
      'is warned of with `synchronous_commit = off`, and not otherwise',
      async () => {
        const server = endingWithTest(
          await startPostgres({ settings: { synchronous_commit: 'off' } }),
        );
        const { logs } = await startReceiver('fastify', {
          connection: server.url,
        });
        await vi.waitFor(
          () =>
            expect(logs.ofXenioo('warn')).toEqual([
              expect.stringMatching(/`synchronous_commit = off`.*ALTER SYSTEM/),
            ]),
          SOON,
        );

        const well = await startReceiver('fastify', {
          connection: inject('postgresUrl'),
          queue: 'well',
        });
        await deliver(well.app, message('one'));
        await vi.waitFor(() => expect(well.book.done).toEqual(['one']), SOON);
        expect(well.logs.ofXenioo('warn')).toEqual([]);
      },
      TIMEOUT,
    );
  },
);

describe('options that can’t work', () => {
  it.each<[string, object, RegExp]>([
    [
      'no connection',
      {},
      /`connection` of bullmqInbox\(\): a URL .*BullModule/,
    ],
    [
      'an option that does not exist',
      { connection: 'redis://:hunter2@127.0.0.1', queu: 'x' },
      /`queu` is not an option here; known are connection/,
    ],
    [
      'a URL of something else',
      { connection: 'mysql://root:hunter2@127.0.0.1' },
      /to begin with redis:\/\//,
    ],
    [
      'a pool of pg',
      { connection: new Pool({ password: 'hunter2' }) },
      /no `pg\.Pool`/,
    ],
    [
      'a schema',
      { connection: { schema: 'mine', password: 'hunter2' } },
      /to be without `schema`/,
    ],
    [
      'an engine of another URL',
      {
        connection: 'redis://:hunter2@127.0.0.1',
        backend: createPostgresBackend,
      },
      /`backend` and `connection` of bullmqInbox\(\) to be of one engine/,
    ],
  ])('%s stops the boot', async (_, options, message) => {
    const error = await startReceiver(
      'express',
      options as BullmqInboxOptions,
    ).catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(XeniooOptionsError);
    expect((error as Error).message).toMatch(message);
    expect(`${(error as Error).stack}`).not.toContain('hunter2');
  });
});

describeEngine('redis', 'a password and what people write', () => {
  it(
    'are in no line of the log, whatever happens',
    async () => {
      const server = endingWithTest(await startRedis({ password: 'hunter2' }));
      const book = new Book();
      const { send, app, logs } = await startReceiver(
        'fastify',
        { connection: server.url },
        {
          book,
          options: {
            acceptTimeoutMs: 200,
            shutdownTimeoutMs: 500,
            retry: false,
          },
        },
      );
      book.work = () => {
        throw new Error('the CRM is down');
      };
      await deliver(app, message('dear Ada 1'));
      await vi.waitFor(() => expect(book.failures).toHaveLength(1), SOON);
      await server.kill();
      expect(await send(message('dear Ada 2'))).toBe(503);
      await app.close();

      const wrong = await startReceiver(
        'express',
        { connection: server.url.replace('hunter2', 'hunter3') },
        { options: { acceptTimeoutMs: 200 } },
      );
      await server.start();
      await vi.waitFor(
        async () => expect(await wrong.send(message('dear Ada 3'))).toBe(503),
        SOON,
      );
      expect(wrong.logs.ofXenioo('error')).not.toEqual([]);

      const lines = JSON.stringify([logs.lines, wrong.logs.lines]);
      expect(lines).not.toMatch(/hunter|dear Ada/);
    },
    TIMEOUT,
  );
});
