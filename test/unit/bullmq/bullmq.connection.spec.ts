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
  BullmqHarness,
  datedEvent,
  deliveryOf,
  TestRunner,
} from '../../support/bullmq-harness.js';
import { createLatch } from '../../support/create-latch.js';
import { recordPrinted } from '../../support/record-printed.js';
import { WAIT_OPTIONS } from '../../support/wait-options.js';

/** Starts a separate Redis that the test may kill. */
async function startOwnRedis(options: RedisOptions = {}) {
  const server = await startRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

/** Records the unhandled rejections of the process until the test ends. */
function recordUnhandled(): unknown[] {
  const unhandled: unknown[] = [];
  const record = (error: unknown) => void unhandled.push(error);
  process.on('unhandledRejection', record);
  onTestFinished(() => void process.off('unhandledRejection', record));
  return unhandled;
}

afterEach(() => vi.restoreAllMocks());

for (const [version, libraries] of BULLMQ_VERSIONS) {
  describeEngine(
    'redis',
    `BullmqInbox with an unavailable Redis on ${version}`,
    () => {
      it('waits for Redis and handles events as soon as it is available', async () => {
        const port = await freePort();
        const harness = new BullmqHarness(
          libraries,
          `redis://127.0.0.1:${port}`,
        );
        const printed = recordPrinted();
        const runner = new TestRunner();
        const inbox = await harness.start(runner, {
          settings: { acceptTimeoutMs: 300 },
        });
        const from = performance.now();
        await expect(inbox.accept(deliveryOf([datedEvent()]))).rejects.toThrow(
          XeniooInboxError,
        );
        expect(performance.now() - from).toBeLessThan(20_000);

        await startOwnRedis({ port });
        const event = datedEvent();
        await vi.waitFor(() => inbox.accept(deliveryOf([event])), WAIT_OPTIONS);
        await expect.poll(() => runner.ids).toContain(event.id);

        const [failure] = harness.logs.ofXenioo('error');
        expect(harness.logs.ofXenioo('error')).toHaveLength(1);
        expect(failure).toMatch(
          /^Redis at 127\.0\.0\.1:\d+ failed; retrying: .*ECONNREFUSED.*\.$/,
        );
        expect(harness.logs.ofXenioo('log')).toContain(
          `Redis at 127.0.0.1:${port} works again.`,
        );
        expect(printed).toEqual([]);
      });

      it('delays calls during a restart and handles every event answered 200', async () => {
        const server = await startOwnRedis();
        const harness = new BullmqHarness(libraries, server.url);
        const runner = new TestRunner();
        const inbox = await harness.start(runner, {
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
        await expect.poll(() => harness.logs.ofXenioo('error')).toHaveLength(1);
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
        const harness = new BullmqHarness(libraries, server.url);
        const runner = new TestRunner();
        const inbox = await harness.start(runner, {
          settings: { acceptTimeoutMs: 1_000 },
        });
        const first = deliveryOf([datedEvent()]);
        await vi.waitFor(() => inbox.accept(first), WAIT_OPTIONS);

        await server.pause();
        const from = performance.now();
        await expect(inbox.accept(deliveryOf([datedEvent()]))).rejects.toThrow(
          'no answer within 1000 ms (`acceptTimeoutMs`)',
        );
        expect(performance.now() - from).toBeLessThan(20_000);
        await server.resume();

        const event = datedEvent();
        await vi.waitFor(() => inbox.accept(deliveryOf([event])), WAIT_OPTIONS);
        await expect.poll(() => runner.ids).toContain(event.id);
      });

      it.each(['kill', 'pause'] as const)(
        'stops in time after a %s of Redis',
        async away => {
          const server = await startOwnRedis();
          const harness = new BullmqHarness(libraries, server.url);
          const running = createLatch();
          const runner = new TestRunner(() => running.opened);
          const inbox = await harness.start(runner);
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

      it('leaves no rejection unhandled when Redis is killed while the worker connects and the inbox stops', async () => {
        const unhandled = recordUnhandled();
        const server = await startOwnRedis();
        const harness = new BullmqHarness(libraries, server.url);
        const inbox = harness.open();
        await inbox.stats();
        await server.pause();
        await inbox.start(new TestRunner());
        await server.kill();

        await inbox.stop(0);
        // Clients that the inbox left would have tried to connect meanwhile.
        let attempts = 0;
        harness.client.on('error', () => attempts++);
        await expect.poll(() => attempts).toBeGreaterThan(7);
        await server.start();

        expect(unhandled).toEqual([]);
      });

      it('keeps no connection to a Redis that returns while the inbox stops', async () => {
        const server = await startOwnRedis();
        const harness = new BullmqHarness(libraries, server.url);
        const inbox = await harness.start();
        await inbox.accept(deliveryOf([datedEvent()]));
        await inbox.idle();
        await server.kill();
        await expect.poll(() => harness.logs.ofXenioo('error')).toHaveLength(1);

        const stopped = inbox.stop(0);
        await server.start();
        await stopped;
        await harness.queue.close();

        await expect
          .poll(async () => {
            const list = String(await harness.client.client('LIST'));
            return list.trim().split('\n').length;
          })
          .toBe(1);
      });

      it('uses no database other than that of the URL', async () => {
        const server = await startOwnRedis();
        const harness = new BullmqHarness(libraries, server.url);
        const inbox = harness.open({
          connection: `${server.url}/99`,
          settings: { acceptTimeoutMs: 200 },
        });

        await expect(inbox.accept(deliveryOf([datedEvent()]))).rejects.toThrow(
          XeniooInboxError,
        );
        await expect
          .poll(() => harness.logs.ofXenioo('error').join())
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
    const harness = new BullmqHarness(libraries, server.url);
    const inbox = await harness.start();
    await inbox.accept(deliveryOf([datedEvent()]));
    await inbox.idle();

    await expect
      .poll(() => harness.logs.ofXenioo('warn'))
      .toHaveLength(warnings.length);
    for (const [index, warning] of warnings.entries()) {
      expect(harness.logs.ofXenioo('warn')[index]).toMatch(warning);
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
    const harness = new BullmqHarness(libraries, server.url);
    const inbox = await harness.start(new TestRunner(), {
      settings: { acceptTimeoutMs: 20_000 },
    });
    await inbox.accept(deliveryOf([datedEvent()]));
    await inbox.idle();
    const warnings = Object.keys(options).length;
    await expect
      .poll(() => harness.logs.ofXenioo('warn'))
      .toHaveLength(warnings);

    await server.kill();
    inbox.accept(deliveryOf([datedEvent()])).catch(() => {});

    await expect.poll(() => harness.logs.ofXenioo('error')[0]).toMatch(line);
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
    const harness = new BullmqHarness(libraries, server.url);
    const runner = new TestRunner();
    const inbox = await harness.start(runner, {
      connection: server.url.replace('://', '://app:pw@'),
    });
    const event = datedEvent();

    await inbox.accept(deliveryOf([event]));
    await expect.poll(() => runner.ids).toEqual([event.id]);

    expect(harness.logs.ofXenioo('warn')).toEqual([]);
  });

  it.each<[string, string, RegExp, string[]?]>([
    ['a wrong password', 'app:wrong@', /can't use Redis at \S+: WRONGPASS/],
    ['no password', '', /can't use Redis at \S+: NOAUTH/],
    [
      'a database that does not exist',
      'app:pw@',
      /can't use Redis at \S+: .*DB index is out of range/,
    ],
    [
      'a user without the right to a command',
      'app:pw@',
      /can't use Redis at \S+: `LPUSH`: .*can't run this command/,
      ['-lpush'],
    ],
    [
      'a user without the right to the keys',
      'app:pw@',
      /can't use Redis at \S+: .*(NOPERM|can't access)/,
      ['resetkeys', '~other:*'],
    ],
    [
      'a user without the right to run scripts',
      'app:pw@',
      /can't use Redis at \S+: NOPERM/,
      ['-evalsha'],
    ],
  ])('stops the boot with %s', async (title, login, error, rights = []) => {
    const server = await startOwnRedis({ password: 'hunter2' });
    const harness = new BullmqHarness(libraries, server.url);
    const all = ['on', '>pw', '~*', '&*', '+@all', ...rights];
    await harness.client.acl('SETUSER', 'app', ...all);
    const path = title.startsWith('a database') ? '/99' : '';
    const inbox = harness.open({
      connection: `redis://${login}127.0.0.1:${server.port}${path}`,
    });

    const refusal: unknown = await inbox
      .assertUsable()
      .catch((reason: unknown) => reason);

    expect(refusal).toBeInstanceOf(XeniooInboxError);
    expect(String(refusal)).toMatch(error);
    expect(String(refusal)).not.toMatch(/wrong@|hunter/);
  });

  it('boots while Redis is unreachable, and names the error of Redis in the answer', async () => {
    const port = await freePort();
    const harness = new BullmqHarness(libraries, `redis://127.0.0.1:${port}`);
    const inbox = harness.open({ settings: { acceptTimeoutMs: 1_000 } });

    await inbox.assertUsable();
    await expect(inbox.accept(deliveryOf([datedEvent()]))).rejects.toThrow(
      /^the BullMQ inbox, Redis at 127\.0\.0\.1:\d+: connect ECONNREFUSED \S+$/,
    );
  });

  it('boots while the memory of Redis is full', async () => {
    const server = await startOwnRedis();
    const harness = new BullmqHarness(libraries, server.url);
    await harness.client.config('SET', 'maxmemory', '1');

    await expect(harness.open().assertUsable()).resolves.toBeUndefined();
  });

  it('logs no password', async () => {
    const server = await startOwnRedis({ password: 'hunter2' });
    const harness = new BullmqHarness(libraries, server.url);
    const inbox = await harness.start(new TestRunner(), {
      connection: server.url.replace('hunter2', 'hunter3'),
      settings: { acceptTimeoutMs: 200 },
    });

    await expect(inbox.accept(deliveryOf([datedEvent()]))).rejects.toThrow(
      XeniooInboxError,
    );

    await expect.poll(() => harness.logs.ofXenioo('error')).not.toEqual([]);
    expect(JSON.stringify(harness.logs.lines)).not.toMatch(/hunter/);
  });
});
