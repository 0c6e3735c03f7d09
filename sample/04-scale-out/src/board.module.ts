import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import {
  Module,
  type MiddlewareConsumer,
  type NestModule,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Queue } from 'bullmq';
import type { NextFunction, Request, Response } from 'express';
import { REDIS_URL } from './redis.js';

const PATH = '/queues';

export const BOARD_PASSWORD = process.env.BOARD_PASSWORD ?? 'board-secret';

/** Shows the queue on a page of its own: dead letters are the jobs under “Failed”, and “Retry” gives one of them one more attempt. */
@Module({})
export class BoardModule implements NestModule, OnApplicationShutdown {
  private readonly queue = openQueue();

  configure(consumer: MiddlewareConsumer) {
    const serverAdapter = new ExpressAdapter().setBasePath(PATH);
    createBullBoard({
      queues: [new BullMQAdapter(this.queue)],
      serverAdapter,
    });
    consumer.apply(askForPassword, serverAdapter.getRouter()).forRoutes(PATH);
  }

  async onApplicationShutdown() {
    await this.queue.close();
  }
}

/** Opens the queue of bullmqInbox(), which has this name unless its option says another. */
function openQueue() {
  const queue = new Queue('xenioo', { connection: { url: REDIS_URL } });
  // The inbox logs when Redis fails.
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
