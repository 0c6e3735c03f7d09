import {
  ConsoleLogger,
  Injectable,
  Module,
  type Provider,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  OnXenioo,
  XeniooModule,
  type XeniooEvent,
  type XeniooInboxProvider,
} from 'nestjs-xenioo';
import { openSync, writeSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Arguments of a process of an `Installation`. */
export interface CrashProcessArguments {
  /** `express` and `fastify` receive calls with this adapter; `worker` handles events and has no HTTP server. */
  readonly role: 'express' | 'fastify' | 'worker';
  /** URL of the server of the inbox. */
  readonly connection: string;
  /** File to which each handler appends a line when it is done. */
  readonly journal: string;
}

/** Attempts of a flaky handler: enough that it never fails finally. */
export const FLAKY_RETRY = {
  attempts: 1_000,
  backoff: 'fixed',
  delayMs: 50,
} as const;

const { role, connection, journal } = JSON.parse(
  process.argv[2]!,
) as CrashProcessArguments;

const lines = openSync(journal, 'a');

/** Appends a line to the journal. The synchronous write survives when the process is killed. */
function record(handler: string, event: XeniooEvent): void {
  writeSync(lines, `${handler} ${String(event.variables['number'])}\n`);
}

/** Decides which attempts fail: the first one in each process for every tenth event. */
export class FlakyAttempts {
  private readonly seen = new Set<unknown>();

  /** @throws {Error} if this attempt fails */
  begin({ variables: { number } }: XeniooEvent): void {
    if (Number(number) % 10 !== 0 || this.seen.has(number)) return;
    this.seen.add(number);
    throw new Error('the first attempt fails');
  }
}

@Injectable()
class Handlers {
  private readonly attempts = new FlakyAttempts();

  @OnXenioo({ name: 'keep' })
  async keep(event: XeniooEvent) {
    await sleep(Number(event.variables['number']) % 4);
    record('keep', event);
  }

  @OnXenioo({ name: 'notify' })
  notify(event: XeniooEvent) {
    record('notify', event);
  }

  @OnXenioo({ name: 'enrich', retry: FLAKY_RETRY })
  enrich(event: XeniooEvent) {
    this.attempts.begin(event);
    record('enrich', event);
  }
}

/** Starts this process with an inbox and more handlers, and sends the URL of its webhook; an empty text for a worker. */
export async function startCrashProcess(
  createInbox: (options: {
    readonly connection: string;
    readonly worker: boolean;
  }) => XeniooInboxProvider,
  handlers: Provider[] = [],
): Promise<void> {
  @Module({
    imports: [
      XeniooModule.forRoot({
        secret: 'right-secret',
        // Shorter than the restart of a killed process, so that some calls are answered 503.
        acceptTimeoutMs: 1_000,
        inbox: createInbox({ connection, worker: role === 'worker' }),
      }),
    ],
    providers: [Handlers, ...handlers],
  })
  class AppModule {}

  process.on('disconnect', () => process.exit());
  process.send!({ url: await start(AppModule) });
}

async function start(module: new () => object): Promise<string> {
  const logger = new ConsoleLogger({ logLevels: ['error', 'warn', 'log'] });
  if (role === 'worker') {
    await NestFactory.createApplicationContext(module, { logger });
    return '';
  }
  const adapter =
    role === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create(module, adapter, { logger });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return `http://127.0.0.1:${port}/xenioo/webhook`;
}
