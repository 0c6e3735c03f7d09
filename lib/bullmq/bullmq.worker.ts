import { Logger } from '@nestjs/common';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { settledWithin } from '../settled-within.js';
import type { BullmqConnection, OpenQueue } from './bullmq.connection.js';
import { BACKOFF, FailedRun, type XeniooWorker } from './bullmq.job.js';
import { BullmqProcessor, type ProcessorContext } from './bullmq.processor.js';

/** Number of times that the process of a task may die before the task becomes a dead letter. */
const MAX_DEATHS = 10;

const RETRY_AFTER_MS = 1_000;
const CLOSE_WITHIN_MS = 2_000;
const LOOK_AGAIN_AFTER_MS = 5;

/** Options of a worker. */
export interface BullmqWorkerContext extends Omit<ProcessorContext, 'queue'> {
  readonly connection: BullmqConnection;
  readonly concurrency: number;
  /** Time in milliseconds until another process takes over the jobs of a dead one. */
  readonly lockDurationMs: number;
}

/** Works on the queue in this process. */
export class BullmqWorker {
  private readonly logger = new Logger('Xenioo');
  private processor: BullmqProcessor | undefined;
  private worker: XeniooWorker | undefined;
  private isPaused = false;
  private isStopping = false;

  constructor(private readonly context: BullmqWorkerContext) {}

  /** The number of jobs whose tasks run here. */
  get running(): number {
    return this.processor?.running ?? 0;
  }

  /** Answers whether nothing runs here, and no dead letter is being announced. */
  get isIdle(): boolean {
    return this.processor?.isIdle ?? true;
  }

  /** Begins as soon as Redis answers. */
  async start(): Promise<void> {
    const open = await this.context.connection.whenOpen();
    if (!open || this.isStopping) return;
    this.processor = new BullmqProcessor({
      ...this.context,
      queue: open.queue,
    });
    this.processor.isPaused = this.isPaused;
    this.worker = this.create(open, this.processor);
    // A worker that is closed while Redis is down rejects.
    if (!this.isPaused) await this.worker.run().catch(() => {});
  }

  async pause(): Promise<void> {
    this.isPaused = true;
    // A job that the worker waits for already goes back to the queue.
    if (this.processor) this.processor.isPaused = true;
    await this.worker?.pause(true);
  }

  async resume(): Promise<void> {
    this.isPaused = false;
    if (this.processor) this.processor.isPaused = false;
    await this.worker?.resume();
  }

  /** Starts nothing more; resolves when nothing runs. */
  async drain(): Promise<void> {
    this.isStopping = true;
    await this.pause();
    while (!this.isIdle) await sleep(LOOK_AGAIN_AFTER_MS);
  }

  /** Starts nothing more; jobs that still run after `timeoutMs` go back to the queue. */
  async stop(timeoutMs: number): Promise<void> {
    const isDone = await settledWithin(this.drain(), timeoutMs);
    const { worker, processor } = this;
    if (!worker || !processor) return;
    if (!isDone) {
      this.logger.warn(
        `Stopping after ${timeoutMs} ms (\`shutdownTimeoutMs\`) while handlers still run (jobs: ${this.running}). Their jobs go back to the queue, and the handlers run again. If handlers need longer, raise it.`,
      );
      processor.abandon();
    }
    const { isUp } = this.context.connection;
    // BullMQ 5 leaves a rejection unhandled when it is closed before that.
    if (isUp) await settledWithin(worker.waitUntilReady(), CLOSE_WITHIN_MS);
    // In good order it would wait for jobs that run, and for a Redis that is down.
    const closed = worker.close(!isDone || !isUp);
    await settledWithin(
      closed.catch(() => {}),
      CLOSE_WITHIN_MS,
    );
    // A worker that still waits for a job would take them up again.
    await settledWithin(processor.giveBack(), CLOSE_WITHIN_MS);
  }

  private create(open: OpenQueue, processor: BullmqProcessor): XeniooWorker {
    const { connection, concurrency, lockDurationMs } = this.context;
    const worker = connection.createWorker(open, processor.process, {
      name: `${hostname()}:${process.pid}`,
      autorun: false,
      concurrency,
      lockDuration: lockDurationMs,
      stalledInterval: Math.ceil(lockDurationMs / 6),
      maxStalledCount: MAX_DEATHS,
      runRetryDelay: RETRY_AFTER_MS,
      settings: {
        backoffStrategy: (_attempts, type, error) =>
          type === BACKOFF && error instanceof FailedRun && error.retryAt
            ? Math.max(1, error.retryAt - Date.now())
            : -1,
      },
    });
    worker.on('error', error => {
      // Of a job that another worker has by now; or of a lock, which is logged below.
      const isOfOneJob = 'code' in error && typeof error.code === 'number';
      if (!isOfOneJob && !/renew lock/.test(error.message)) {
        connection.reportFailure(error);
      }
    });
    worker.on('ready', () => connection.reportRecovery());
    worker.on('active', () => connection.reportRecovery());
    worker.on('lockRenewalFailed', jobs => this.warnOfLocks(jobs.length));
    worker.on('failed', (job, error) => {
      // One of a task whose process died too often, or one that is no task.
      this.logger.error(
        `Job ${job?.id} failed though no handler failed: ${error.message}. See XeniooDeadLetters.`,
      );
      if (job) processor.announce(job);
    });
    return worker;
  }

  private warnOfLocks(jobs: number): void {
    this.logger.warn(
      `Locks ran out while handlers still run (jobs: ${jobs}); another process may run them too. ${this.context.connection.name} was away for ${this.context.lockDurationMs} ms, or a handler blocks the event loop.`,
    );
  }
}
