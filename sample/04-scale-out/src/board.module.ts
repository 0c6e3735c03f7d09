import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import {
  Module,
  type MiddlewareConsumer,
  type NestModule,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { createPostgresBackend, Queue } from 'bullmq';
import type { NextFunction, Request, Response } from 'express';
import { ENGINE_URL } from './engine.js';

const PATH = '/queues';

export const BOARD_PASSWORD = process.env.BOARD_PASSWORD ?? 'board-secret';

/** The queue on a page of its own: its dead letters are the jobs under “Failed”, and “Retry” replays one. */
@Module({})
export class BoardModule implements NestModule, OnApplicationShutdown {
  private readonly queue = openQueue();

  configure(consumer: MiddlewareConsumer) {
    const serverAdapter = new ExpressAdapter().setBasePath(PATH);
    createBullBoard({
      // It works on both engines, though its types know Redis alone.
      queues: [new BullMQAdapter(this.queue as Queue)],
      serverAdapter,
    });
    consumer.apply(askForPassword, serverAdapter.getRouter()).forRoutes(PATH);
  }

  async onApplicationShutdown() {
    await this.queue.close();
  }
}

/** The queue of bullmqInbox(): by default it has this name, on both engines. */
function openQueue() {
  const queue = ENGINE_URL.startsWith('postgres')
    ? new Queue('xenioo', { connection: ENGINE_URL }, createPostgresBackend)
    : new Queue('xenioo', { connection: { url: ENGINE_URL } });
  // The inbox tells when the engine is down.
  queue.on('error', () => {});
  return queue;
}

/** The board shows what people wrote, and empties the queue at a click: put the login of your staff here. */
function askForPassword(
  request: Request,
  response: Response,
  next: NextFunction,
) {
  const expected = `Basic ${btoa(`board:${BOARD_PASSWORD}`)}`;
  if (request.headers.authorization === expected) return next();
  response.set('WWW-Authenticate', 'Basic').sendStatus(401);
}
