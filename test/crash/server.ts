import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  OnXenioo,
  XeniooInbox,
  XeniooModule,
  type XeniooEvent,
} from 'nestjs-xenioo';
import { lmdbInbox } from 'nestjs-xenioo/lmdb';
import { openSync, writeSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Arguments of a server process of the crash test. */
export interface ServerArguments {
  readonly folder: string;
  /** File to which each handler adds a line when it is done. */
  readonly journal: string;
  readonly adapter: 'express' | 'fastify';
}

export const SECRET = 'right-secret';

const { folder, journal, adapter } = JSON.parse(
  process.argv[2]!,
) as ServerArguments;

const lines = openSync(journal, 'a');

/** Appends a line synchronously, so that it survives a kill of the process. */
function record(handler: string, event: XeniooEvent): void {
  writeSync(lines, `${handler} ${String(event.variables['number'])}\n`);
}

@Injectable()
class Handlers {
  private readonly failedBefore = new Set<unknown>();

  @OnXenioo({ name: 'keep' })
  async keep(event: XeniooEvent) {
    await sleep(Number(event.variables['number']) % 4);
    record('keep', event);
  }

  /** Fails in its first attempt in each process on every tenth event, and never gives up. */
  @OnXenioo({
    name: 'notify',
    retry: { attempts: 1_000, backoff: 'fixed', delayMs: 20 },
  })
  notify(event: XeniooEvent) {
    const { number } = event.variables;
    const isFlaky = Number(number) % 10 === 0 && !this.failedBefore.has(number);
    this.failedBefore.add(number);
    if (isFlaky) throw new Error('the first attempt fails');
    record('notify', event);
  }
}

@Module({
  imports: [
    XeniooModule.forRoot({
      secret: SECRET,
      inbox: lmdbInbox({ path: folder }),
    }),
  ],
  providers: [Handlers],
})
class AppModule {}

const app = await NestFactory.create(
  AppModule,
  adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
  { logger: false },
);
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address() as AddressInfo;
process.send?.({ url: `http://127.0.0.1:${port}/xenioo/webhook` });
process.on('message', () => void reportIdle());
process.on('disconnect', () => process.exit());

async function reportIdle(): Promise<void> {
  await app.get(XeniooInbox, { strict: false }).idle();
  process.send!('idle');
}
