import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { OnXenioo, XeniooInbox, XeniooModule } from 'nestjs-xenioo';
import { lmdbInbox } from 'nestjs-xenioo/lmdb';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECRET } from '../body.js';

/** Folder of the LMDB inbox; the memory inbox without one. */
const { folder, handlerMs } = JSON.parse(process.argv[2]!) as {
  folder?: string;
  handlerMs: number;
};

let handled = 0;

@Injectable()
class Slow {
  @OnXenioo()
  async handle() {
    if (handlerMs > 0) await sleep(handlerMs);
    handled++;
  }
}

@Module({
  imports: [
    XeniooModule.forRoot({
      secret: SECRET,
      ...(folder && { inbox: lmdbInbox({ path: folder }) }),
    }),
  ],
  providers: [Slow],
})
class AppModule {}

const app = await NestFactory.create(AppModule, new FastifyAdapter(), {
  logger: false,
});
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address() as AddressInfo;
process.send!({ url: `http://127.0.0.1:${port}/xenioo/webhook` });
process.on('message', (question: 'memory' | 'idle') => void answer(question));
process.on('disconnect', () => process.exit());

async function answer(question: 'memory' | 'idle'): Promise<void> {
  if (question === 'idle') {
    await app.get(XeniooInbox, { strict: false }).idle();
  }
  for (let times = 0; times < 3; times++) global.gc!();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  process.send!({ handled, bytes: heapUsed + arrayBuffers, rss });
}
