import { Logger } from '@nestjs/common';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { XeniooDispatch } from '../handlers/xenioo.dispatch.js';
import { settledWithin } from '../settled-within.js';
import type { BullmqConnection } from './bullmq.connection.js';
import { isGone } from './bullmq.dead-letters.js';
import type { BullmqWorkerSettings } from './bullmq.inbox-options.js';
import { BullmqProcessor, type AddRestored } from './bullmq.processor.js';
import type { XeniooJob, XeniooWorker } from './stored-job.js';

/** How often an event may end the process that handles it, before it is a dead letter. */
const MOST_STALLS = 10;

/** How long to wait before an engine that was down is tried again. */
const AGAIN_AFTER_MS = 1_000;

/** How long to wait for an engine that is asked to let go. */
const CLOSE_WITHIN_MS = 2_000;

const LOOK_AGAIN_AFTER_MS = 5;

interface HandlingSettings extends BullmqWorkerSettings {
  readonly concurrency: number;
}

/** Works on the queue in this process. */
export class BullmqHandling {
  private readonly logger = new Logger('Xenioo');
  private processor: BullmqProcessor | undefined;
  private worker: XeniooWorker | undefined;
  private hasEnded = false;

  constructor(
    private readonly connection: BullmqConnection,
    private readonly dispatch: XeniooDispatch,
    private readonly addRestored: AddRestored,
    private readonly settings: HandlingSettings,
  ) {}

  /** How many events are being handled here, or their failures announced. */
  get inFlight(): number {
    return this.processor?.inFlight ?? 0;
  }

  /** Begins as soon as the engine answers, and goes on until the end. */
  async begin(): Promise<void> {
    this.worker = await this.openAtLast();
    // It rejects when it is closed while the engine is down.
    await this.worker?.run().catch(() => {});
  }

  /** Begins with nothing more; what has not come to its end within `timeoutMs` goes back to the queue. */
  async end(timeoutMs: number): Promise<void> {
    this.hasEnded = true;
    const { worker } = this;
    if (!worker) return;
    await worker.pause(true);
    if (!(await settledWithin(this.untilNothingIsInFlight(), timeoutMs))) {
      this.logger.warn(
        `Stopping after ${timeoutMs} ms (\`shutdownTimeoutMs\`) while handlers still run, of events: ${this.inFlight}. These go back to the queue and are handled again. If their handlers need longer, raise it.`,
      );
      this.processor?.abandon();
    }
    // In good order it would wait for an engine that is down.
    const closed = worker.close(!this.connection.isUp).catch(() => {});
    if (await settledWithin(closed, CLOSE_WITHIN_MS)) return;
    await settledWithin(
      worker
        .getBackend()
        .close(true)
        .catch(() => {}),
      CLOSE_WITHIN_MS,
    );
  }

  private async untilNothingIsInFlight(): Promise<void> {
    while (this.inFlight > 0) await sleep(LOOK_AGAIN_AFTER_MS);
  }

  private async openAtLast(): Promise<XeniooWorker | undefined> {
    const open = await this.connection.whenOpen();
    if (!open) return undefined;
    const { lockDurationMs, concurrency } = this.settings;
    const processor = new BullmqProcessor(
      open.queue,
      this.dispatch,
      this.addRestored,
      error => this.connection.tellTrouble(error),
    );
    this.processor = processor;
    while (!this.hasEnded) {
      try {
        const worker = await open.openWorker(processor.process, {
          name: `${hostname()}:${process.pid}`,
          autorun: false,
          concurrency,
          lockDuration: lockDurationMs,
          stalledInterval: Math.ceil(lockDurationMs / 6),
          maxStalledCount: MOST_STALLS,
          runRetryDelay: AGAIN_AFTER_MS,
        });
        if (this.hasEnded) {
          await worker.close(true);
          return undefined;
        }
        this.listenTo(worker);
        return worker;
      } catch (error) {
        this.connection.tellTrouble(error);
        await sleep(AGAIN_AFTER_MS);
      }
    }
    return undefined;
  }

  private listenTo(worker: XeniooWorker): void {
    worker.on('error', error => {
      // A job that another worker has by now, or a lock that is told of below.
      const isLock = isGone(error) || /renew lock/.test(error.message);
      if (!isLock) this.connection.tellTrouble(error);
    });
    worker.on('ready', () => this.connection.tellWell());
    worker.on('active', () => this.connection.tellWell());
    worker.on('lockRenewalFailed', jobs => this.tellUnlocked(jobs.length));
    worker.on('failed', (job, error) => this.tellFailed(job, error));
  }

  private tellUnlocked(count: number): void {
    this.logger.warn(
      `Locks ran out while handlers still ran (\`worker.lockDurationMs\` is ${this.settings.lockDurationMs}), of events: ${count}. Another process may handle them as well. Was ${this.connection.name} away, or does a handler block the event loop?`,
    );
  }

  /** Not what our processor moves there itself. */
  private tellFailed(job: XeniooJob | undefined, error: Error): void {
    const why = /stalled/.test(error.message)
      ? `the processes that handled it ended or hung ${MOST_STALLS + 1} times`
      : error.message;
    this.logger.error(
      `Event ${job?.id} is a dead letter, though no handler gave up: ${why}. See XeniooDeadLetters.`,
    );
  }
}
