import { Injectable, Module, type LoggerService } from '@nestjs/common';
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  OnXenioo,
  OnXeniooInvalid,
  XeniooDeadLetters,
  XeniooWebhookStatus,
  XeniooInbox,
  XeniooModule,
} from 'nestjs-xenioo';
import type { Server } from 'node:http';

export const ADAPTERS = {
  express: () => new ExpressAdapter(),
  fastify: () => new FastifyAdapter(),
} satisfies Record<string, () => AbstractHttpAdapter>;

export type AdapterName = keyof typeof ADAPTERS;

export const SECRET = 'secret-of-the-fuzz-run';

/** Counts events and invalid entries. */
@Injectable()
export class Counts {
  events = 0;
  invalid = 0;

  @OnXenioo()
  handle(): void {
    this.events++;
  }

  @OnXeniooInvalid()
  keep(): void {
    this.invalid++;
  }

  get entries(): number {
    return this.events + this.invalid;
  }
}

@Module({
  imports: [XeniooModule.forRoot({ secret: SECRET, dedupe: false })],
  providers: [Counts],
})
class FuzzModule {}

/** Logger that records the first warnings and errors. */
class ProblemLogger implements LoggerService {
  readonly lines: string[] = [];

  log = (): void => {};
  error = this.keep.bind(this);
  warn = this.keep.bind(this);
  fatal = this.keep.bind(this);

  private keep(...parts: unknown[]): void {
    if (this.lines.length < 20) this.lines.push(parts.map(String).join(' '));
  }
}

/** Starts an application with the built package. */
export async function startFuzzHost(adapter: AdapterName) {
  const logger = new ProblemLogger();
  const app = await NestFactory.create(FuzzModule, ADAPTERS[adapter](), {
    logger,
  });
  await app.listen(0, '127.0.0.1');
  let connections = 0;
  const server = app.getHttpServer() as Server;
  server.on('connection', () => connections++);
  return {
    app,
    url: `${await app.getUrl()}/xenioo/webhook`,
    counts: app.get(Counts),
    status: app.get(XeniooWebhookStatus, { strict: false }),
    idle: () => app.get(XeniooInbox, { strict: false }).idle(),
    logged: logger.lines,
    connections: () => connections,
    removeLetters: () => removeLetters(app.get(XeniooDeadLetters)),
  };
}

/** Removes all dead letters, which would fill the memory, and returns their number. */
async function removeLetters(letters: XeniooDeadLetters): Promise<number> {
  let removed = 0;
  for (
    let page = await letters.list();
    page.length > 0;
    page = await letters.list()
  ) {
    for (const { id } of page) if (await letters.remove(id)) removed++;
  }
  return removed;
}
