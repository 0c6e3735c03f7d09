import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { OnXenioo, XeniooModule, type XeniooEvent } from 'nestjs-xenioo';
import { bullmqInbox } from 'nestjs-xenioo/bullmq';
import type { AddressInfo } from 'node:net';
import { SECRET } from '../body.js';

/** A process that receives (`web`) or handles (`worker`). */
const [role, connection, queue] = process.argv.slice(2) as [
  string,
  string,
  string,
];

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
      inbox: bullmqInbox({ connection, queue, worker: role !== 'web' }),
    }),
  ],
  providers: [Counter],
})
class AppModule {}

const options = { logger: ['error' as const] };
if (role === 'worker') {
  await NestFactory.createApplicationContext(AppModule, options);
  process.send!({});
} else {
  const app = await NestFactory.create(
    AppModule,
    new FastifyAdapter(),
    options,
  );
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  process.send!({ url: `http://127.0.0.1:${port}/xenioo/webhook` });
}
process.on('disconnect', () => process.exit());
