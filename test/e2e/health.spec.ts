import { Controller, Get, Injectable } from '@nestjs/common';
import {
  HealthCheck,
  HealthCheckService,
  TerminusModule,
} from '@nestjs/terminus';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { bullmqInbox } from '../../lib/bullmq/index.js';
import {
  memoryInbox,
  OnXenioo,
  XeniooModule,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import { lmdbInbox } from '../../lib/lmdb/index.js';
import { postgresInbox } from '../../lib/postgres/index.js';
import {
  XeniooHealthIndicator,
  XeniooTerminusModule,
  type XeniooHealthLimits,
} from '../../lib/terminus/index.js';
import { idle, senderFor, xeniooEntry } from '../../lib/testing/index.js';
import { startPostgres } from '../support/engines/postgres-server.js';
import { startRedis } from '../support/engines/redis-server.js';
import { createLatch } from '../support/create-latch.js';
import { startHost, type AdapterName } from '../support/host-app.js';
import { makeSmallDisk, NO_SMALL_DISKS } from '../support/small-disk.js';

const SECRET = 'right-secret';

/** True in the slow tier, which starts engines. */
const isSlowTier = (inject('redisUrl') as string | undefined) !== undefined;

@Injectable()
class Crm {
  work: () => unknown = () => {};

  @OnXenioo()
  async save() {
    await this.work();
  }
}

async function start(
  adapter: AdapterName,
  options: Partial<XeniooModuleOptions> = {},
  limits?: XeniooHealthLimits,
) {
  @Controller('health')
  class HealthController {
    constructor(
      private readonly health: HealthCheckService,
      private readonly xenioo: XeniooHealthIndicator,
    ) {}

    @Get()
    @HealthCheck()
    check() {
      return this.health.check([() => this.xenioo.isHealthy('xenioo', limits)]);
    }
  }
  const host = await startHost(adapter, {
    imports: [
      TerminusModule,
      XeniooTerminusModule,
      XeniooModule.forRoot({
        secret: SECRET,
        acceptTimeoutMs: 1_000,
        retry: false,
        ...options,
      }),
    ],
    controllers: [HealthController],
    providers: [Crm],
  });
  const sender = await senderFor(host.app, { failures: 'ignore' });
  onTestFinished(() => sender.close());
  const probe = async () => {
    // A connection that is kept may be closed while the server of the inbox is killed.
    const headers = { connection: 'close' };
    const response = await fetch(host.url('/health'), { headers });
    const text = await response.text();
    const { details } = JSON.parse(text) as {
      details: { xenioo: Record<string, unknown> };
    };
    return { code: response.status, text, xenioo: details.xenioo };
  };
  return { ...host, sender, probe, crm: host.app.get(Crm) };
}

const { userMessage } = xeniooEntry;

describe.skipIf(isSlowTier).each(['express', 'fastify'] as const)(
  'the health check on %s',
  adapter => {
    it('is up, and returns the counts of the webhook and the inbox', async () => {
      const { sender, probe, app } = await start(adapter);
      await sender.call(userMessage());
      await idle(app);

      expect(await probe()).toMatchObject({
        code: 200,
        xenioo: {
          status: 'up',
          strikes: 0,
          refused: 0,
          isSilent: false,
          isPaused: false,
          pending: 0,
          running: 0,
          retries: 0,
          deadLetters: 0,
          oldestPendingAgeSeconds: 0,
        },
      });
    });

    it('is degraded above a limit, and returns a warning for it', async () => {
      const { sender, probe, app, crm } = await start(adapter);
      crm.work = () => {
        throw new Error('the CRM is down');
      };
      await sender.call(userMessage({ Data: 'my secret words' }));
      await idle(app);

      const { code, text, xenioo } = await probe();
      expect(code).toBe(200);
      expect(xenioo).toMatchObject({
        status: 'degraded',
        deadLetters: 1,
        warnings: ['dead letters: 1 (limit: 0)'],
      });
      expect(text).not.toContain('secret');
    });

    it('is degraded while expected calls are missing', async () => {
      const { probe } = await start(adapter, {
        expectCallsWithinMinutes: 1e-4,
      });

      await expect
        .poll(async () => (await probe()).xenioo)
        .toMatchObject({
          status: 'degraded',
          warnings: ['no authenticated call within `expectCallsWithinMinutes`'],
        });
    });

    it('applies the limits that are passed to isHealthy()', async () => {
      const { sender, probe, app, crm } = await start(
        adapter,
        {},
        { maxDeadLetters: 1 },
      );
      crm.work = () => {
        throw new Error('the CRM is down');
      };
      await sender.call(userMessage());
      await idle(app);

      expect((await probe()).xenioo['status']).toBe('up');
    });

    it('is down while the memory inbox is full, and up afterwards', async () => {
      const { sender, probe, app, crm } = await start(adapter, {
        inbox: memoryInbox({ maxPending: 1, acknowledgeWithinMs: 0 }),
      });
      const latch = createLatch();
      crm.work = () => latch.opened;
      await sender.call(userMessage());

      expect(await probe()).toMatchObject({
        code: 503,
        xenioo: { status: 'down', message: expect.any(String) },
      });
      latch.open();
      await idle(app);
      expect(await probe()).toMatchObject({
        code: 200,
        xenioo: { status: 'up' },
      });
    });

    it('is down once the folder of the LMDB inbox was moved', async () => {
      const base = mkdtempSync(join(tmpdir(), 'nestjs-xenioo-'));
      onTestFinished(() => rmSync(base, { recursive: true, force: true }));
      const path = join(base, 'inbox');
      const { sender, probe } = await start(adapter, {
        inbox: lmdbInbox({ path }),
      });
      renameSync(path, `${path}-away`);

      const { code, text } = await probe();
      expect(code).toBe(503);
      expect(text).not.toContain(base);
      expect((await sender.call(userMessage())).status).toBe(503);
    });

    it.skipIf(NO_SMALL_DISKS !== '')(
      `is down while the disk of the LMDB inbox is full${NO_SMALL_DISKS}`,
      async () => {
        const disk = makeSmallDisk();
        const { sender, probe } = await start(adapter, {
          inbox: lmdbInbox({ path: join(disk.path, 'inbox') }),
        });
        disk.fill();

        expect((await probe()).code).toBe(503);
        expect((await sender.call(userMessage())).status).toBe(503);
        disk.free();
        await expect.poll(async () => (await probe()).code).toBe(200);
      },
    );

    it('rejects a limit that is not a number or has an unknown name', async () => {
      const { app } = await start(adapter);
      const indicator = app.get(XeniooHealthIndicator, { strict: false });
      const check = (limits: object) => indicator.isHealthy('xenioo', limits);

      await expect(check({ maxStrikes: '3' })).rejects.toThrow(
        'expected `maxStrikes` to be a non-negative number, got "3"',
      );
      await expect(check({ maxLetters: 3 })).rejects.toThrow(
        '`maxLetters` is not an option here',
      );
    });
  },
);

describe.runIf(isSlowTier).each(['express', 'fastify'] as const)(
  'the health check on %s',
  adapter => {
    it.each([
      {
        inbox: 'BullMQ',
        engine: 'Redis',
        startServer: startRedis,
        create: (connection: string) =>
          bullmqInbox({ connection, queue: randomUUID() }),
      },
      {
        inbox: 'PostgreSQL',
        engine: 'the server',
        startServer: startPostgres,
        create: (connection: string) => postgresInbox({ connection }),
      },
    ])(
      'is down while $engine of the $inbox inbox is unreachable, and up afterwards',
      async ({ startServer, create }) => {
        const server = await startServer();
        onTestFinished(() => server.stop());
        const { sender, probe } = await start(adapter, {
          inbox: create(server.url),
          // Connecting to a busy server takes longer than 1 s.
          acceptTimeoutMs: 5_000,
        });
        await expect.poll(async () => (await probe()).code).toBe(200);
        await server.kill();

        const { code, text } = await probe();
        expect(code).toBe(503);
        expect(text).not.toContain('127.0.0.1');
        expect((await sender.call(userMessage())).status).toBe(503);

        await server.start();
        await expect.poll(async () => (await probe()).code).toBe(200);
      },
    );
  },
);
