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

/** Serves a page with the queue. Dead letters are the jobs under “Failed”; “Retry” replays one of them. */
@Module({})
export class BoardModule implements NestModule, OnApplicationShutdown {
  private readonly queue = openQueue();

  configure(consumer: MiddlewareConsumer) {
    const serverAdapter = new ExpressAdapter().setBasePath(PATH);
    createBullBoard({
      queues: [new BullMQAdapter(this.queue)],
      serverAdapter,
    });
    consumer.apply(requirePassword, serverAdapter.getRouter()).forRoutes(PATH);
  }

  async onApplicationShutdown() {
    await this.queue.close();
  }
}

/** Opens the queue of `bullmqInbox()` by its default name. */
function openQueue() {
  const queue = new Queue('xenioo', { connection: { url: REDIS_URL } });
  // The inbox logs the errors of Redis.
  queue.on('error', () => {});
  return queue;
}

/** Protects the board, which shows the texts of people and can empty the queue. Use the authentication of your staff instead. */
function requirePassword(
  request: Request,
  response: Response,
  next: NextFunction,
) {
  const expected = `Basic ${btoa(`board:${BOARD_PASSWORD}`)}`;
  if (request.headers.authorization === expected) return next();
  response.set('WWW-Authenticate', 'Basic').sendStatus(401);
}
