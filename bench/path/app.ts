import { Injectable, Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  OnXenioo,
  XeniooEventType,
  XeniooModule,
  type UserMessageEvent,
} from '../../lib/index.js';

export const SECRET = 'path-secret';

@Injectable()
class Crm {
  @OnXenioo(XeniooEventType.UserMessage)
  async save(_event: UserMessageEvent): Promise<void> {}
}

@Module({
  imports: [
    EventEmitterModule.forRoot(),
    XeniooModule.forRoot({ secret: SECRET }),
  ],
  providers: [Crm],
})
class AppModule {}

/** Starts an application from the files of lib, one by one as they are written. */
export async function startApp(adapter: string): Promise<INestApplication> {
  const options = { logger: ['error' as const, 'warn' as const] };
  const app =
    adapter === 'fastify'
      ? await NestFactory.create(AppModule, new FastifyAdapter(), options)
      : await NestFactory.create(AppModule, options);
  await app.listen(0, '127.0.0.1');
  return app;
}
