import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import {
  Module,
  UseGuards,
  type MiddlewareConsumer,
  type NestModule,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Queue } from 'bullmq';
import type { NextFunction, Request, Response } from 'express';
import { XeniooInspectorModule } from 'nestjs-xenioo/inspector';
import { REDIS_URL } from './redis.js';
import { isOfStaff, StaffGuard } from './staff.guard.js';

const PATH = '/queues';

/**
 * Serves two pages for the staff. The board shows the queue: dead letters are the jobs under “Failed”; “Retry” replays
 * one of them. The inspector shows the events that this process receives, and the dead letters of all processes.
 */
@Module({
  imports: [
    XeniooInspectorModule.forRoot({ decorators: [UseGuards(StaffGuard)] }),
  ],
})
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

/** Protects the board, which shows the texts of people and can empty the queue. */
function requirePassword(
  request: Request,
  response: Response,
  next: NextFunction,
) {
  if (isOfStaff(request)) return next();
  response.set('WWW-Authenticate', 'Basic').sendStatus(401);
}
