import { expect, it, onTestFinished, vi } from 'vitest';
import { deliver } from '../../lib/testing/index.js';
import {
  BULLMQ_ENGINES,
  Book,
  endingWithTest,
  startReceiver,
  startWorker,
} from '../support/bullmq-host.js';
import { createGate } from '../support/delivery-host.js';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { describeEngine } from '../support/engines/describe-engine.js';
import { startPostgres } from '../support/engines/postgres-server.js';
import { startRedis } from '../support/engines/redis-server.js';
import { message, messages, numbered } from '../support/messages.js';
import { recordPrinted } from '../support/printed.js';

const SOON = { timeout: 20_000 };
const TIMEOUT = 60_000;

/** How long something took, and what came of it. */
async function timed<T>(work: Promise<T>): Promise<{ took: number; of: T }> {
  const startedAt = performance.now();
  const of = await work;
  return { took: performance.now() - startedAt, of };
}

for (const { engine, adapter, startOwn } of BULLMQ_ENGINES) {
  describeEngine(
    engine,
    `when the ${engine} of the inbox is in trouble`,
    () => {
      it(
        'boots while it is down, answers 503 in time, and 200 when it is up',
        async () => {
          const server = await startOwn();
          await server.kill();
          const printed = recordPrinted();
          const { app, send, book, logs } = await startReceiver(
            adapter,
            { connection: server.url },
            { options: { acceptTimeoutMs: 300 } },
          );

          const { took, of: status } = await timed(send(message('lost')));
          expect(status).toBe(503);
          expect(took).toBeGreaterThan(250);
          expect(took).toBeLessThan(1_500);
          await server.start();
          await vi.waitFor(() => deliver(app, message('up')), SOON);
          await vi.waitFor(() => expect(book.done).toContain('up'), SOON);

          const told = (level: string, pattern: RegExp) =>
            logs.ofXenioo(level).filter(line => pattern.test(line));
          expect(told('error', /does not do what it should/)).toHaveLength(1);
          expect(told('log', /does what it should again/)).toHaveLength(1);
          expect(printed).toEqual([]);
        },
        TIMEOUT,
      );

      it(
        'keeps calls waiting while it is down, and handles all that was answered 200',
        async () => {
          const server = await startOwn();
          const { send, book, idle, logs } = await startReceiver(
            adapter,
            { connection: server.url, worker: { lockDurationMs: 2_000 } },
            { options: { acceptTimeoutMs: 20_000 } },
          );
          const answered: string[] = [];
          const statuses = new Set<number | string>();
          const load = { isOver: false };
          const callers = Array.from({ length: 8 }, async (_, caller) => {
            for (let calls = 0; !load.isOver; calls++) {
              const texts = numbered(`${caller}.${calls}`, 3);
              const status = await send(messages(texts));
              statuses.add(status);
              if (status === 200) answered.push(...texts);
            }
          });
          const untilMore = async () => {
            const before = answered.length;
            await vi.waitFor(
              () => expect(answered.length).toBeGreaterThan(before + 150),
              SOON,
            );
          };

          await untilMore();
          await server.kill();
          await vi.waitFor(
            () => expect(logs.ofXenioo('error')).not.toEqual([]),
            SOON,
          );
          await server.start();
          await untilMore();
          load.isOver = true;
          await Promise.all(callers);
          await idle();

          expect([...statuses]).toEqual([200]);
          expect(answered.filter(text => !book.done.includes(text))).toEqual(
            [],
          );
        },
        TIMEOUT,
      );

      it(
        'answers 503 in time while it hangs, and goes on when it goes on',
        async () => {
          const server = await startOwn();
          const { app, send, book } = await startReceiver(
            adapter,
            { connection: server.url },
            { options: { acceptTimeoutMs: 500 } },
          );
          await deliver(app, message('before'));
          await vi.waitFor(() => expect(book.done).toEqual(['before']), SOON);

          await server.pause();
          const calls = numbered('hanging', 5).map(text =>
            timed(send(message(text))),
          );
          for (const { took, of: status } of await Promise.all(calls)) {
            expect(status).toBe(503);
            expect(took).toBeLessThan(2_000);
          }
          await server.resume();

          await vi.waitFor(() => deliver(app, message('after')), SOON);
          await vi.waitFor(() => expect(book.done).toContain('after'), SOON);
        },
        TIMEOUT,
      );

      it.each<[string, string[]]>([
        ['nothing is handled', []],
        ['a handler hangs', ['hangs']],
      ])(
        'comes to its end while it is down and %s',
        async (_, texts) => {
          const server = await startOwn();
          const book = new Book();
          const gate = createGate();
          book.work = () => gate.opened;
          const { app, send } = await startReceiver(
            adapter,
            { connection: server.url },
            { book, options: { shutdownTimeoutMs: 500 } },
          );
          expect(await send(messages(texts))).toBe(200);
          await vi.waitFor(() => expect(book.begun).toEqual(texts), SOON);
          await server.kill();

          const { took } = await timed(app.close());
          expect(took).toBeLessThan(4_500);
          gate.open();
        },
        TIMEOUT,
      );
    },
  );
}

describeEngine('redis', 'when the memory of Redis is full', () => {
  it(
    'answers 503, and 200 again by itself when a worker has made room',
    async () => {
      const server = endingWithTest(
        await startRedis({ maxmemory: '16mb', maxmemoryPolicy: 'noeviction' }),
      );
      const { app, send, logs } = await startReceiver(
        'express',
        { connection: server.url, worker: false },
        // Longer than a busy machine may take for what Redis does take.
        { options: { acceptTimeoutMs: 2_000 } },
      );
      const answered: string[] = [];
      let status: number | string = 200;
      for (let n = 0; status === 200; n++) {
        expect(n).toBeLessThan(1_000);
        const texts = numbered(`event ${n}`, 2).map(text =>
          text.padEnd(10_000, '.'),
        );
        status = await send(messages(texts));
        if (status === 200) answered.push(...texts);
      }

      expect(status).toBe(503);
      expect(await send(message('one more'.padEnd(20_000, '.')))).toBe(503);
      expect(logs.ofXenioo('error').join('\n')).toMatch(/full|OOM/);
      const { book } = await startWorker({ connection: server.url });

      await vi.waitFor(() => deliver(app, message('again')), SOON);
      await vi.waitFor(() => expect(book.done).toContain('again'), SOON);
      expect(answered.filter(text => !book.done.includes(text))).toEqual([]);
    },
    TIMEOUT,
  );
});

describeEngine(
  'postgres',
  'when somebody drops the tables of PostgreSQL',
  () => {
    it(
      'makes them again, and goes on',
      async () => {
        const server = endingWithTest(await startPostgres());
        const { send } = await startReceiver(
          'express',
          { connection: server.url },
          { options: { acceptTimeoutMs: 2_000 } },
        );
        expect(await send(message('before'))).toBe(200);
        const client = new Client({ connectionString: server.url });
        client.on('error', () => {});
        await client.connect();
        onTestFinished(() => client.end());
        // Whoever works on the tables meanwhile may be in the way.
        await vi.waitFor(
          () => client.query('DROP SCHEMA bullmq CASCADE'),
          SOON,
        );

        await vi.waitFor(
          async () => expect(await send(message('after'))).toBe(200),
          SOON,
        );
      },
      TIMEOUT,
    );
  },
);

describeEngine(
  'redis',
  'when the user of Redis may not ask it everything',
  () => {
    it(
      'accepts all the same',
      async () => {
        const server = endingWithTest(await startRedis());
        const admin = new Redis(server.url);
        await admin.acl(
          'SETUSER',
          'app',
          'on',
          '>pw',
          '~*',
          '&*',
          '+@all',
          '-@dangerous',
        );
        await admin.quit();
        const { send } = await startReceiver('express', {
          connection: server.url.replace('://', '://app:pw@'),
        });

        expect(await send(message('one'))).toBe(200);
      },
      TIMEOUT,
    );

    it(
      'takes no other database than the one that was meant',
      async () => {
        const server = endingWithTest(await startRedis());
        const { send, logs } = await startReceiver(
          'express',
          { connection: `${server.url}/99` },
          { options: { acceptTimeoutMs: 200 } },
        );

        expect(await send(message('one'))).toBe(503);
        expect(logs.ofXenioo('error').join()).toMatch(/DB index/);
      },
      TIMEOUT,
    );
  },
);
