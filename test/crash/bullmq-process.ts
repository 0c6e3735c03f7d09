import { ConsoleLogger, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { OnXenioo, XeniooModule, type XeniooEvent } from 'nestjs-xenioo';
import { bullmqInbox } from 'nestjs-xenioo/bullmq';
import { openSync, writeSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Arguments of a process with the BullMQ inbox. */
export interface BullmqProcessArguments {
  /** A receiver on one of the adapters, or a worker without a server. */
  readonly role: 'express' | 'fastify' | 'worker';
  readonly connection: string;
  /** File to which each handler adds a line when it is done. */
  readonly journal: string;
}

export const SECRET = 'right-secret';

const { role, connection, journal } = JSON.parse(
  process.argv[2]!,
) as BullmqProcessArguments;

const lines = openSync(journal, 'a');

/** Appends a line synchronously, so that it survives a kill of the process. */
function record(handler: string, event: XeniooEvent): void {
  writeSync(lines, `${handler} ${String(event.variables['number'])}\n`);
}

@Injectable()
class Handlers {
  private readonly failedBefore = new Set<unknown>();

  @OnXenioo(undefined, { name: 'keep' })
  async keep(event: XeniooEvent) {
    await sleep(Number(event.variables['number']) % 4);
    record('keep', event);
  }

  @OnXenioo(undefined, { name: 'notify' })
  notify(event: XeniooEvent) {
    record('notify', event);
  }

  /** Fails in its first attempt in each process on every tenth event, and never gives up. */
  @OnXenioo(undefined, {
    name: 'enrich',
    retry: { attempts: 1_000, backoff: 'fixed', delayMs: 50 },
  })
  enrich(event: XeniooEvent) {
    const { number } = event.variables;
    const isFlaky = Number(number) % 10 === 0 && !this.failedBefore.has(number);
    this.failedBefore.add(number);
    if (isFlaky) throw new Error('the first attempt fails');
    record('enrich', event);
  }
}

@Module({
  imports: [
    XeniooModule.forRoot({
      secret: SECRET,
      // Shorter than the downtime of a killed process, so that calls are rejected.
      acceptTimeoutMs: 1_000,
      inbox: bullmqInbox({ connection, worker: role === 'worker' }),
    }),
  ],
  providers: [Handlers],
})
class AppModule {}

const logger = new ConsoleLogger({ logLevels: ['error', 'warn', 'log'] });
process.on('disconnect', () => process.exit());
process.send!({ url: await start() });

/** Starts the application and returns its URL; `''` for a worker. */
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
