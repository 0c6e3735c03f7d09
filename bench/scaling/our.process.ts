import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  OnXenioo,
  XeniooModule,
  XeniooProcessing,
  type XeniooEvent,
  type XeniooInboxProvider,
} from 'nestjs-xenioo';
import { bullmqInbox } from 'nestjs-xenioo/bullmq';
import { lmdbInbox } from 'nestjs-xenioo/lmdb';
import { postgresInbox } from 'nestjs-xenioo/postgres';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SECRET } from '../body.js';
import type { EngineKind } from './engines.js';

/** Message to this process, which answers with its counts. */
export type Request = 'resume' | 'stats';

/** A process that receives (`web`) or handles (`worker`). */
const [role, kind, storage, name] = process.argv.slice(2) as [
  'web' | 'worker',
  EngineKind,
  string,
  string,
];

const INBOXES: Record<EngineKind, () => XeniooInboxProvider> = {
  redis: () =>
    bullmqInbox({ connection: storage, queue: name, worker: role !== 'web' }),
  postgres: () =>
    postgresInbox({
      connection: storage,
      schema: name.replaceAll('-', '_'),
      worker: role !== 'web',
    }),
  lmdb: () => lmdbInbox({ path: join(storage, name) }),
};

@Injectable()
class Counter {
  count = 0;

  @OnXenioo()
  async handle(_event: XeniooEvent): Promise<void> {
    this.count++;
  }
}

@Module({
  imports: [
    XeniooModule.forRoot({
      secret: SECRET,
      concurrency: 100,
      inbox: INBOXES[kind](),
    }),
  ],
  providers: [Counter],
})
class AppModule {}

const options = { logger: ['error' as const] };
const app =
  role === 'web'
    ? await NestFactory.create(AppModule, new FastifyAdapter(), options)
    : undefined;
const context =
  app ?? (await NestFactory.createApplicationContext(AppModule, options));
const processing = context.get(XeniooProcessing);
let url = '';
if (app) {
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  url = `http://127.0.0.1:${port}/xenioo/webhook`;
}
await processing.pause();
process.on('message', request => void answer(request as Request));
process.on('disconnect', () => process.exit());
process.send!({ url });

async function answer(request: Request): Promise<void> {
  if (request === 'resume') await processing.resume();
  process.send!(await processing.stats());
}
