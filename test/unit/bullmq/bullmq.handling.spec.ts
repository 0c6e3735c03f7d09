import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BullmqConnection } from '../../../lib/bullmq/bullmq.connection.js';
import { BullmqHandling } from '../../../lib/bullmq/bullmq.handling.js';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import {
  datedEvent,
  gate,
  givenUp,
  settled,
  type Behaviour,
} from '../../../lib/testing/inbox-bench.js';
import {
  resolveBullmqInboxOptions,
  type BullmqInboxOptions,
} from '../../../lib/bullmq/bullmq.inbox-options.js';
import { createEngine } from '../../../lib/bullmq/create-engine.js';
import { bullmqBench, type BullmqBench } from '../../support/bullmq-bench.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import type { EngineServer } from '../../support/engines/engine-server.js';
import type { EngineName } from '../../support/engines/find-engines.js';
import { freePort } from '../../support/engines/free-port.js';
import { startPostgres } from '../../support/engines/postgres-server.js';
import { startRedis } from '../../support/engines/redis-server.js';

// A busy machine takes its time to start an engine.
vi.setConfig({ testTimeout: 60_000 });

const LONG = { timeout: 20_000 };
const SETTINGS = { concurrency: 4, lockDurationMs: 30_000 };

async function handling(
  { bench, options }: Pick<BullmqBench, 'bench' | 'options'>,
  behaviour: Behaviour,
  settings: Partial<typeof SETTINGS> = {},
) {
  const engine = await createEngine(options);
  const connection = new BullmqConnection(engine, 5_000);
  const handling = new BullmqHandling(
    connection,
    bench.dispatch(behaviour),
    async () => {},
    { ...SETTINGS, ...settings },
  );
  void handling.begin();
  onTestFinished(async () => {
    await handling.end(0);
    await connection.close();
  });
  return handling;
}

const start = (engine: EngineName, port?: number): Promise<EngineServer> => {
  const at = port === undefined ? {} : { port };
  return engine === 'redis' ? startRedis(at) : startPostgres(at);
};

/** An engine of the test's own, which it may kill. */
async function ownServer(engine: EngineName, port?: number) {
  const server = await start(engine, port);
  onTestFinished(() => server.stop());
  return server;
}

describe.each(['redis', 'postgres'] as const)('in %s', name => {
  const opened = async (
    entries: readonly XeniooEntry[],
    given?: BullmqInboxOptions,
  ) => {
    const all = await bullmqBench(name, given);
    const inbox = await all.bench.open();
    await inbox.accept({ entries });
    const stateOf = async ({ id }: XeniooEntry) =>
      (await all.open.queue.getJob(id))?.getState();
    return { ...all, stateOf };
  };

  describeEngine(name, 'at the end', () => {
    it('waits for handlers that run, and for what they came to', async () => {
      const event = datedEvent();
      const all = await opened([event]);
      const { opened: goOn, open } = gate();
      const running = await handling(all, () => goOn);
      await expect.poll(() => running.inFlight, LONG).toBe(1);
      let hasEnded = false;

      const ended = running.end(20_000).then(() => (hasEnded = true));
      await all.stateOf(event);
      expect(hasEnded).toBe(false);
      open();
      await ended;

      expect(await all.stateOf(event)).toBe(undefined);
      expect(running.inFlight).toBe(0);
      expect(all.logs.ofXenioo('warn')).toEqual([]);
    });

    it('waits for whoever hears of failures', async () => {
      const event = datedEvent();
      const all = await opened([event]);
      const { opened: heard, open } = gate();
      let isHeard = false;
      const running = await handling(all, ({ entry }) =>
        givenUp(entry, ['A'], () => heard.then(() => void (isHeard = true))),
      );
      await expect.poll(() => all.stateOf(event), LONG).toBe('failed');

      const ended = running.end(20_000);
      await all.stateOf(event);
      open();
      await ended;

      expect(isHeard).toBe(true);
      expect(all.logs.ofXenioo('warn')).toEqual([]);
    });

    it('begins with nothing more', async () => {
      const [first, second] = [datedEvent(), datedEvent()];
      const all = await opened([first, second]);
      const { opened: goOn, open } = gate();
      const running = await handling(all, () => goOn, { concurrency: 1 });
      await expect.poll(() => running.inFlight, LONG).toBe(1);

      const ended = running.end(20_000);
      open();
      await ended;

      expect(all.bench.ids).toEqual([first.id]);
      expect(await all.stateOf(second)).toBe('waiting');
    });

    it('hands back what still runs, and says so', async () => {
      const event = datedEvent();
      const all = await opened([event]);
      const { opened: goOn, open } = gate();
      const running = await handling(all, async ({ entry }) => {
        await goOn;
        return givenUp(entry);
      });
      await expect.poll(() => running.inFlight, LONG).toBe(1);

      await running.end(50);

      expect(await all.stateOf(event)).toBe('waiting');
      expect(all.logs.ofXenioo('warn')).toEqual([
        expect.stringMatching(
          /^Stopping after 50 ms \(`shutdownTimeoutMs`\).* of events: 1\./,
        ),
      ]);
      open();
      await handling(all, () => settled());
      await expect.poll(() => all.stateOf(event), LONG).toBe(undefined);
      expect(all.bench.ids).toEqual([event.id, event.id]);
      expect(all.logs.ofXenioo('error')).toEqual([]);
    });

    it('is at once where nothing runs', async () => {
      const event = datedEvent();
      const all = await opened([event]);
      const running = await handling(all, () => settled());
      await expect.poll(() => all.stateOf(event), LONG).toBe(undefined);
      const from = performance.now();

      await running.end(20_000);

      expect(performance.now() - from).toBeLessThan(5_000);
    });
  });

  describeEngine(name, 'at the end, when the engine is away', () => {
    it.each(['kill', 'pause'] as const)(
      'waits no longer than it may, and a little: %s',
      async away => {
        const server = await ownServer(name);
        const event = datedEvent();
        const all = await opened([event], { connection: server.url });
        const running = await handling(all, () => new Promise(() => {}));
        await expect.poll(() => running.inFlight, LONG).toBe(1);
        await server[away]();
        // The test's own connection lets go of an engine that answers.
        onTestFinished(() =>
          away === 'kill' ? server.start() : server.resume(),
        );
        const from = performance.now();

        await running.end(200);

        expect(performance.now() - from).toBeLessThan(5_000);
        expect(all.logs.ofXenioo('warn')).toEqual([
          expect.stringContaining('Stopping after 200 ms'),
        ]);
      },
    );
  });

  describeEngine(name, 'an engine that comes up later', () => {
    it('is worked on as soon as it is there, and is told of once', async () => {
      const port = await freePort();
      const scheme = name === 'redis' ? 'redis' : 'postgres';
      const path = name === 'redis' ? '' : '/postgres';
      const user = name === 'redis' ? '' : 'postgres@';
      const connection = `${scheme}://${user}127.0.0.1:${port}${path}`;
      const options = resolveBullmqInboxOptions({ connection, queue: 'later' });
      const { bench, logs } = await bullmqBench(name);
      await handling({ bench, options }, () => settled());
      await expect.poll(() => logs.ofXenioo('error').length, LONG).toBe(1);

      await ownServer(name, port);
      const event = datedEvent();
      const all = await opened([event], { connection, queue: 'later' });

      await expect.poll(() => all.stateOf(event), LONG).toBe(undefined);
      expect(bench.ids).toEqual([event.id]);
      expect(logs.ofXenioo('error')[0]).toMatch(
        /does not do what it should: .*ECONNREFUSED/,
      );
    });

    it('is waited for by nobody who ends before', async () => {
      const port = await freePort();
      const connection = `${name}://127.0.0.1:${port}`;
      const options = resolveBullmqInboxOptions({ connection });
      const { bench } = await bullmqBench(name);
      const running = await handling({ bench, options }, () => settled());
      const from = performance.now();

      await running.end(20_000);

      expect(performance.now() - from).toBeLessThan(1_000);
    });
  });

  describeEngine(name, 'an engine that comes back', () => {
    it('is worked on again', async () => {
      const server = await ownServer(name);
      const [first, second] = [datedEvent(), datedEvent()];
      const all = await opened([first], { connection: server.url });
      await handling(all, () => settled());
      await expect.poll(() => all.stateOf(first), LONG).toBe(undefined);

      await server.kill();
      await server.start();
      const inbox = await all.bench.open();
      await inbox.accept({ entries: [second] });

      await expect
        .poll(() => all.stateOf(second).catch(() => 'away'), LONG)
        .toBe(undefined);
      expect(all.bench.ids).toEqual([first.id, second.id]);
    });
  });

  describeEngine(name, 'a job that is no event', () => {
    it('is told of', async () => {
      const all = await opened([]);
      const job = await all.open.queue.add('mail', { to: 'SeCrEt' } as never);
      await handling(all, () => settled());

      await expect
        .poll(() => all.logs.ofXenioo('error'), LONG)
        .toEqual([
          `Event ${job.id} is a dead letter, though no handler gave up: it holds no entry as nestjs-xenioo puts it into the queue. See XeniooDeadLetters.`,
        ]);
    });
  });
});
