import { ConsoleLogger, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  OnXenioo,
  XeniooModule,
  type XeniooEvent,
  type XeniooTransaction,
} from 'nestjs-xenioo';
import { postgresInbox } from 'nestjs-xenioo/postgres';
import { openSync, writeSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Arguments of a process with the PostgreSQL inbox. */
export interface PostgresProcessArguments {
  /** `express` and `fastify` receive calls with this adapter; `worker` handles events and has no HTTP server. */
  readonly role: 'express' | 'fastify' | 'worker';
  readonly connection: string;
  /** File to which each handler appends a line when it is done. */
  readonly journal: string;
}

const SECRET = 'right-secret';

/** Lease of the workers; other processes take over the events of one that is suspended for longer. */
const LEASE_MS = 2_000;

const { role, connection, journal } = JSON.parse(
  process.argv[2]!,
) as PostgresProcessArguments;

const lines = openSync(journal, 'a');

/** Appends a line to the journal. The synchronous write survives when the process is killed. */
function record(handler: string, event: XeniooEvent): void {
  writeSync(lines, `${handler} ${String(event.variables['number'])}\n`);
}

@Injectable()
class Handlers {
  private readonly enriched = new Set<unknown>();
  private readonly written = new Set<unknown>();

  @OnXenioo(undefined, { name: 'keep' })
  async keep(event: XeniooEvent) {
    await sleep(Number(event.variables['number']) % 4);
    record('keep', event);
  }

  @OnXenioo(undefined, { name: 'notify' })
  notify(event: XeniooEvent) {
    record('notify', event);
  }

  /** Writes a row to a table without a unique constraint, where a second commit would be visible. */
  @OnXenioo(undefined, {
    name: 'write',
    transactional: true,
    retry: { attempts: 1_000, backoff: 'fixed', delayMs: 50 },
  })
  async write(event: XeniooEvent, tx: XeniooTransaction) {
    const { number } = event.variables;
    await tx.query('INSERT INTO note (number, conversation) VALUES ($1, $2)', [
      number,
      event.conversationId,
    ]);
    if (Number(number) % 10 === 0 && !this.written.has(number)) {
      this.written.add(number);
      throw new Error('the first attempt fails');
    }
  }

  /** Fails at its first attempt in each process for every tenth event; has enough attempts never to fail finally. */
  @OnXenioo(undefined, {
    name: 'enrich',
    retry: { attempts: 1_000, backoff: 'fixed', delayMs: 50 },
  })
  enrich(event: XeniooEvent) {
    const { number } = event.variables;
    const isFlaky = Number(number) % 10 === 0 && !this.enriched.has(number);
    this.enriched.add(number);
    if (isFlaky) throw new Error('the first attempt fails');
    record('enrich', event);
  }
}

@Module({
  imports: [
    XeniooModule.forRoot({
      secret: SECRET,
      // Shorter than the restart of a killed process, so that some calls are answered 503.
      acceptTimeoutMs: 1_000,
      inbox: postgresInbox({
        connection,
        worker: role === 'worker',
        leaseMs: LEASE_MS,
      }),
    }),
  ],
  providers: [Handlers],
})
class AppModule {}

const logger = new ConsoleLogger({ logLevels: ['error', 'warn', 'log'] });
process.on('disconnect', () => process.exit());
process.send!({ url: await start() });

/** Starts the application, and returns the URL of its webhook, or an empty text for a worker. */
async function start(): Promise<string> {
  if (role === 'worker') {
    await NestFactory.createApplicationContext(AppModule, { logger });
    return '';
  }
  const adapter =
    role === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create(AppModule, adapter, { logger });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return `http://127.0.0.1:${port}/xenioo/webhook`;
}
