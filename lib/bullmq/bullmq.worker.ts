import { Logger } from '@nestjs/common';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { settledWithin } from '../settled-within.js';
import type { BullmqConnection, OpenQueue } from './bullmq.connection.js';
import { BACKOFF, FailedRun, type XeniooWorker } from './bullmq.job.js';
import { BullmqProcessor, MAX_CRASHES } from './bullmq.processor.js';
import type { ProcessorContext } from './bullmq.recorder.js';

const RETRY_DELAY_MS = 1_000;
const CLOSE_TIMEOUT_MS = 2_000;
const POLL_INTERVAL_MS = 5;

/** Options of a worker. */
export interface BullmqWorkerContext extends Omit<
  ProcessorContext,
  'queue' | 'client'
> {
  readonly connection: BullmqConnection;
  readonly concurrency: number;
  /** Time in milliseconds after which other processes take over the jobs of a crashed one. */
  readonly lockDurationMs: number;
}

/** Takes jobs from the queue in this process. */
export class BullmqWorker {
  private readonly logger = new Logger('Xenioo');
  private processor: BullmqProcessor | undefined;
  private worker: XeniooWorker | undefined;
  private isPaused = false;
  private isStopping = false;

  constructor(private readonly context: BullmqWorkerContext) {}

  /** Number of jobs whose handlers are running in this process. */
  get running(): number {
    return this.processor?.running ?? 0;
  }

  /** True when no job is running in this process and no dead letter is being announced. */
  get isIdle(): boolean {
    return this.processor?.isIdle ?? true;
  }

  /** Starts as soon as Redis answers. */
  async start(): Promise<void> {
    const open = await this.context.connection.whenOpen();
    if (!open || this.isStopping) return;
    this.processor = new BullmqProcessor({
      ...this.context,
      queue: open.queue,
      client: open.client,
    });
    this.processor.isPaused = this.isPaused;
    this.worker = this.create(open, this.processor);
    // run() rejects when the worker is closed while Redis is down.
    if (!this.isPaused) await this.worker.run().catch(() => {});
  }

  async pause(): Promise<void> {
    this.isPaused = true;
    // The worker may already be waiting for a job; the processor returns that one.
    if (this.processor) this.processor.isPaused = true;
    await this.worker?.pause(true);
  }

  async resume(): Promise<void> {
    if (this.isStopping) return;
    this.isPaused = false;
    if (this.processor) this.processor.isPaused = false;
    await this.worker?.resume();
  }

  /** Starts no more jobs; resolves when none is running. */
  async drain(): Promise<void> {
    this.isStopping = true;
    await this.pause();
    while (!this.isIdle) await sleep(POLL_INTERVAL_MS);
  }

  /** Starts no more jobs; returns those that still run after `timeoutMs` to the queue. */
  async stop(timeoutMs: number): Promise<void> {
    const isDone = await settledWithin(this.drain(), timeoutMs);
    const { worker, processor } = this;
    if (!worker || !processor) return;
    if (!isDone) {
      this.logger.warn(
        `Stopping while handlers still run (jobs: ${this.running}); their jobs return to the queue and the handlers run again. If handlers need longer, raise \`shutdownTimeoutMs\`.`,
      );
      processor.abandon();
    }
    const { connection } = this.context;
    const { isUp } = connection;
    const isReady = await settledWithin(
      worker.waitUntilReady().catch(() => {}),
      isUp ? CLOSE_TIMEOUT_MS : 0,
    );
    // BullMQ 5 leaves a rejection unhandled when a client fails to connect after the worker was closed.
    if (!isReady) await connection.close();
    // Without force, close() waits for running jobs and for a Redis that is down.
    const closed = worker.close(!isDone || !isUp);
    await settledWithin(
      closed.catch(() => {}),
      CLOSE_TIMEOUT_MS,
    );
    // Only now: a worker that is not closed would take them again.
    await settledWithin(processor.returnJobs(), CLOSE_TIMEOUT_MS);
  }

  private create(open: OpenQueue, processor: BullmqProcessor): XeniooWorker {
    const { connection, concurrency, lockDurationMs } = this.context;
    const worker = connection.createWorker(open, processor.process, {
      name: `${hostname()}:${process.pid}`,
      autorun: false,
      concurrency,
      lockDuration: lockDurationMs,
      stalledInterval: Math.ceil(lockDurationMs / 6),
      maxStalledCount: MAX_CRASHES,
      runRetryDelay: RETRY_DELAY_MS,
      settings: {
        backoffStrategy: (_attempts, type, error) =>
          type === BACKOFF && error instanceof FailedRun && error.retryAt
            ? Math.max(1, error.retryAt - Date.now())
            : -1,
      },
    });
    worker.on('error', error => {
      // Errors about one job that moved to another worker; those about locks are logged below.
      const isOfOneJob = 'code' in error && typeof error.code === 'number';
      if (!isOfOneJob && !/renew lock/.test(error.message)) {
        connection.reportFailure(error);
      }
    });
    worker.on('ready', () => connection.reportRecovery());
    worker.on('active', () => connection.reportRecovery());
    worker.on('lockRenewalFailed', jobs => this.warnLockLost(jobs.length));
    worker.on('failed', (job, error) => {
      // The process crashed too often during the task, or the job is not a task.
      this.logger.error(
        `BullMQ failed job ${job?.id} without a result of a handler: ${error.message}. Find it with XeniooDeadLetters.`,
      );
      if (job) processor.announce(job);
    });
    return worker;
  }

  private warnLockLost(jobs: number): void {
    this.logger.warn(
      `Locks expired while handlers still run (jobs: ${jobs}); another process may run them too. Either ${this.context.connection.name} was unreachable for ${this.context.lockDurationMs} ms, or a handler blocks the event loop.`,
    );
  }
}
