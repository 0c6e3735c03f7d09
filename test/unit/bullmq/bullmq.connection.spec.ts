import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { freePort } from '../../support/engines/free-port.js';
import {
  startRedis,
  type RedisOptions,
} from '../../support/engines/redis-server.js';
import {
  BULLMQ_VERSIONS,
  BullmqBench,
  datedEvent,
  deliveryOf,
  gate,
  TestRunner,
} from '../../support/bullmq-bench.js';
import { recordPrinted } from '../../support/printed.js';
import { SOON } from '../../support/soon.js';

vi.setConfig({ testTimeout: 60_000 });

/** Starts a separate Redis that the test may kill. */
async function startOwnRedis(options: RedisOptions = {}) {
  const server = await startRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

afterEach(() => vi.restoreAllMocks());

for (const [version, libraries] of BULLMQ_VERSIONS) {
  describeEngine(
    'redis',
    `BullmqInbox with an unavailable Redis on ${version}`,
    () => {
      it('waits for Redis and handles events as soon as it is available', async () => {
        const port = await freePort();
        const bench = new BullmqBench(libraries, `redis://127.0.0.1:${port}`);
        const printed = recordPrinted();
        const runner = new TestRunner();
        const inbox = await bench.start(runner, {
          settings: { acceptTimeoutMs: 300 },
        });
        const from = performance.now();
        await expect(inbox.accept(deliveryOf([datedEvent()]))).rejects.toThrow(
          XeniooInboxError,
        );
        expect(performance.now() - from).toBeLessThan(20_000);

        await startOwnRedis({ port });
        const event = datedEvent();
        await vi.waitFor(() => inbox.accept(deliveryOf([event])), SOON);
        await expect.poll(() => runner.ids).toContain(event.id);

        const [failure] = bench.logs.ofXenioo('error');
        expect(bench.logs.ofXenioo('error')).toHaveLength(1);
        expect(failure).toMatch(
          /^Redis at 127\.0\.0\.1:\d+ failed; retrying: .*ECONNREFUSED.*\.$/,
        );
        expect(bench.logs.ofXenioo('log')).toContain(
          `Redis at 127.0.0.1:${port} works again.`,
        );
        expect(printed).toEqual([]);
      });

      it('delays calls during a restart and handles every event answered 200', async () => {
        const server = await startOwnRedis();
        const bench = new BullmqBench(libraries, server.url);
        const runner = new TestRunner();
        const inbox = await bench.start(runner, {
          settings: { acceptTimeoutMs: 20_000 },
          lockDurationMs: 5_000,
        });
        const accepted: string[] = [];
        const load = { isOver: false };
        const callers = Array.from({ length: 4 }, async () => {
          while (!load.isOver) {
            const events = [datedEvent(), datedEvent()];
            await inbox.accept(deliveryOf(events));
            accepted.push(...events.map(({ id }) => id));
          }
        });
        await expect.poll(() => runner.runs.length).toBeGreaterThan(50);

        await server.kill();
        await expect.poll(() => bench.logs.ofXenioo('error')).toHaveLength(1);
        await server.start();
        const before = accepted.length;
        await expect.poll(() => accepted.length).toBeGreaterThan(before + 50);
        load.isOver = true;
        await Promise.all(callers);
        await inbox.idle();

        const handled = new Set(runner.ids);
        expect(accepted.filter(id => !handled.has(id))).toEqual([]);
        expect(await inbox.deadLetters.list()).toEqual([]);
      });

      it('waits no longer than `acceptTimeoutMs` while Redis hangs', async () => {
        const server = await startOwnRedis();
        const bench = new BullmqBench(libraries, server.url);
        const runner = new TestRunner();
        const inbox = await bench.start(runner, {
          settings: { acceptTimeoutMs: 1_000 },
        });
        const first = deliveryOf([datedEvent()]);
        await vi.waitFor(() => inbox.accept(first), SOON);

        await server.pause();
        const from = performance.now();
        await expect(inbox.accept(deliveryOf([datedEvent()]))).rejects.toThrow(
          'no answer within 1000 ms (`acceptTimeoutMs`)',
        );
        expect(performance.now() - from).toBeLessThan(20_000);
        await server.resume();

        const event = datedEvent();
        await vi.waitFor(() => inbox.accept(deliveryOf([event])), SOON);
        await expect.poll(() => runner.ids).toContain(event.id);
      });

      it.each(['kill', 'pause'] as const)(
        'stops in time after a %s of Redis',
        async away => {
          const server = await startOwnRedis();
          const bench = new BullmqBench(libraries, server.url);
          const running = gate();
          const runner = new TestRunner(() => running.opened);
          const inbox = await bench.start(runner);
          await inbox.accept(deliveryOf([datedEvent()]));
          await expect.poll(() => runner.runs).toHaveLength(1);
          await server[away]();
          // The queue of the test closes only if Redis answers.
          onTestFinished(() =>
            away === 'kill' ? server.start() : server.resume(),
          );

          const from = performance.now();
          await inbox.stop(200);

          expect(performance.now() - from).toBeLessThan(20_000);
          running.open();
        },
      );

      it('uses no database other than that of the URL', async () => {
        const server = await startOwnRedis();
        const bench = new BullmqBench(libraries, server.url);
        const inbox = bench.open({
          connection: `${server.url}/99`,
          settings: { acceptTimeoutMs: 200 },
        });

        await expect(inbox.accept(deliveryOf([datedEvent()]))).rejects.toThrow(
          XeniooInboxError,
        );
        await expect
          .poll(() => bench.logs.ofXenioo('error').join())
          .toMatch(/DB index/);
      });
    },
  );
}

const [, libraries] = BULLMQ_VERSIONS[0]!;

describeEngine('redis', 'BullmqInbox logs about Redis', () => {
  it.each<[string, RedisOptions, RegExp[]]>([
    ['logs nothing when Redis is configured well', {}, []],
    [
      'warns of `appendonly no`',
      { appendonly: false },
      [/loses accepted events when it restarts \(`appendonly no`\)/],
    ],
    [
      'warns of `appendfsync everysec`',
      { appendfsync: 'everysec' },
      [/may lose the events of the last second/],
    ],
    [
      'warns of an eviction policy that drops keys',
      { maxmemory: '64mb', maxmemoryPolicy: 'allkeys-lru' },
      [/may drop pending events when its memory is full/],
    ],
  ])('%s', async (_, options, warnings) => {
    const server = await startOwnRedis(options);
    const printed = recordPrinted();
    const bench = new BullmqBench(libraries, server.url);
    const inbox = await bench.start();
    await inbox.accept(deliveryOf([datedEvent()]));
    await inbox.idle();

    await expect
      .poll(() => bench.logs.ofXenioo('warn'))
      .toHaveLength(warnings.length);
    for (const [index, warning] of warnings.entries()) {
      expect(bench.logs.ofXenioo('warn')[index]).toMatch(warning);
    }
    expect(printed).toEqual([]);
  });

  it.each<[string, RedisOptions, RegExp]>([
    [
      'logs that events are kept only if Redis syncs each write',
      {},
      /\. Accepted events stay in the queue\.$/,
    ],
    [
      'logs that events may be lost with `appendonly no`',
      { appendonly: false },
      /\. If it has restarted, pending events are lost \(`appendonly no`\)\.$/,
    ],
    [
      'logs nothing about events with `appendfsync everysec`',
      { appendfsync: 'everysec' },
      /^Redis at \S+ failed; retrying: [^.]*(\.\d+)*[^.]*\.$/,
    ],
  ])('%s after Redis is killed', async (_, options, line) => {
    const server = await startOwnRedis(options);
    const bench = new BullmqBench(libraries, server.url);
    const inbox = await bench.start(new TestRunner(), {
      settings: { acceptTimeoutMs: 20_000 },
    });
    await inbox.accept(deliveryOf([datedEvent()]));
    await inbox.idle();
    const warnings = Object.keys(options).length;
    await expect.poll(() => bench.logs.ofXenioo('warn')).toHaveLength(warnings);

    await server.kill();
    inbox.accept(deliveryOf([datedEvent()])).catch(() => {});

    await expect.poll(() => bench.logs.ofXenioo('error')[0]).toMatch(line);
  });

  it('logs nothing when the user is not allowed to read the configuration', async () => {
    const server = await startOwnRedis();
    const admin = new libraries.Redis(server.url);
    onTestFinished(() => admin.disconnect());
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
    const bench = new BullmqBench(libraries, server.url);
    const runner = new TestRunner();
    const inbox = await bench.start(runner, {
      connection: server.url.replace('://', '://app:pw@'),
    });
    const event = datedEvent();

    await inbox.accept(deliveryOf([event]));
    await expect.poll(() => runner.ids).toEqual([event.id]);

    expect(bench.logs.ofXenioo('warn')).toEqual([]);
  });

  it('logs no password', async () => {
    const server = await startOwnRedis({ password: 'hunter2' });
    const bench = new BullmqBench(libraries, server.url);
    const inbox = await bench.start(new TestRunner(), {
      connection: server.url.replace('hunter2', 'hunter3'),
      settings: { acceptTimeoutMs: 200 },
    });

    await expect(inbox.accept(deliveryOf([datedEvent()]))).rejects.toThrow(
      XeniooInboxError,
    );

    await expect.poll(() => bench.logs.ofXenioo('error')).not.toEqual([]);
    expect(JSON.stringify(bench.logs.lines)).not.toMatch(/hunter/);
  });
});
