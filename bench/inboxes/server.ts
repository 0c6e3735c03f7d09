import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { OnXenioo, XeniooModule, type XeniooEvent } from 'nestjs-xenioo';
import { lmdbInbox } from 'nestjs-xenioo/lmdb';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** The folder of the LMDB inbox; without one, the memory inbox is measured. */
const folder = process.argv[2];

@Injectable()
class Counter {
  count = 0;

  @OnXenioo()
  handle(_event: XeniooEvent) {
    this.count++;
  }
}

@Module({
  imports: [
    XeniooModule.forRoot({
      secret: 'right-secret',
      ...(folder && { inbox: lmdbInbox({ path: folder }) }),
    }),
  ],
  providers: [Counter],
})
class AppModule {}

const app = await NestFactory.create(AppModule, new FastifyAdapter(), {
  logger: ['error'],
});
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address() as AddressInfo;
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.send!({ url: `http://127.0.0.1:${port}/xenioo/webhook` });
process.on('message', () => {
  process.send!({ delayMs: delay.percentile(99) / 1e6 });
  delay.reset();
});
process.on('disconnect', () => process.exit());
