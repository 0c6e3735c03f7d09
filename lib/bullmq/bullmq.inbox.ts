import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import type { XeniooDeadLetterStore } from '../inbox/xenioo.dead-letter-store.js';
import {
  XeniooInbox,
  type XeniooInboxStats,
  type XeniooRunner,
} from '../inbox/xenioo.inbox.js';
import type { XeniooSettings } from '../options/xenioo.options.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import { BullmqAcceptance } from './bullmq.acceptance.js';
import { BullmqConnection } from './bullmq.connection.js';
import { BullmqDeadLetters } from './bullmq.dead-letters.js';
import type { BullmqInboxSettings } from './bullmq.inbox-options.js';
import { JobFactory, taskOf, type XeniooJob } from './bullmq.job.js';
import { BullmqWorker } from './bullmq.worker.js';
import type { BullmqLibraries } from './load-bullmq.js';

const POLL_INTERVAL_MS = 20;

/** Number of jobs that `stats()` reads to find the oldest pending event. More than one, since due retries are among them. */
const OLDEST_JOBS = 10;

const LOCK_DURATION_MS = 30_000;

type InstanceSettings = Pick<
  XeniooSettings,
  'concurrency' | 'dedupe' | 'acceptTimeoutMs'
>;

/**
 * Stores events in a BullMQ queue on Redis and answers a call 200 once Redis has
 * committed them. Any process with a worker on the queue handles them.
 */
export class BullmqInbox extends XeniooInbox {
  override readonly storageLocation: string;
  override readonly deadLetters: XeniooDeadLetterStore;
  override readonly handlesEvents: boolean;

  private readonly logger = new Logger('Xenioo');
  // Private fields, so that printing the inbox shows no password of Redis.
  readonly #connection: BullmqConnection;
  readonly #acceptance: BullmqAcceptance;
  #worker: BullmqWorker | undefined;
  private readonly jobs: JobFactory;
  private runner: XeniooRunner | undefined;
  private isPaused = false;
  private isStopped = false;

  /** @hidden */
  constructor(
    private readonly libraries: BullmqLibraries,
    options: BullmqInboxSettings,
    private readonly instance: InstanceSettings,
    private readonly lockDurationMs = LOCK_DURATION_MS,
  ) {
    super();
    this.handlesEvents = options.worker;
    const { queue, prefix, deadLetterRetentionDays } = options;
    this.#connection = new BullmqConnection(
      libraries,
      options,
      instance.acceptTimeoutMs,
    );
    const prefixText = prefix === 'bull' ? '' : `, prefix ${prefix}`;
    this.storageLocation = `${this.#connection.name}, queue ${queue}${prefixText}`;
    this.jobs = new JobFactory(deadLetterRetentionDays);
    this.#acceptance = new BullmqAcceptance(
      this.#connection,
      this.jobs,
      instance,
      duplicates => this.runner?.reportDuplicates(duplicates),
    );
    this.deadLetters = new BullmqDeadLetters(() => this.#connection.open());
  }

  /**
   * Waits for the first attempt to open the queue. The inbox can be used all the same if Redis is unreachable.
   * @throws {XeniooInboxError} when Redis rejects the login or a command
   * @hidden
   */
  async assertUsable(): Promise<void> {
    await this.#connection.assertUsable();
  }

  async accept(delivery: XeniooDelivery): Promise<void> {
    this.assertOpen();
    if (delivery.entries.length > 0) await this.#acceptance.accept(delivery);
  }

  /** Writes to Redis, as a call does. */
  async assertAccepting(): Promise<void> {
    this.assertOpen();
    await this.#acceptance.probe();
  }

  async start(runner: XeniooRunner): Promise<void> {
    this.runner = runner;
    void this.#connection.logRisks();
    if (!this.handlesEvents) {
      this.logger.log(
        `Events are stored in ${this.storageLocation}; this process handles none of them (\`worker: false\`).`,
      );
      return;
    }
    const { concurrency } = this.instance;
    this.#worker = new BullmqWorker({
      runner,
      concurrency,
      connection: this.#connection,
      jobs: this.jobs,
      bullmq: this.libraries.bullmq,
      lockDurationMs: this.lockDurationMs,
      reportFailure: error => this.#connection.reportFailure(error),
    });
    if (this.isPaused) await this.#worker.pause();
    void this.#worker.start();
    this.logger.log(
      `Events are stored in ${this.storageLocation}; this process handles up to ${concurrency} at once.`,
    );
  }

  async pause(): Promise<void> {
    this.isPaused = true;
    await this.#worker?.pause();
  }

  async resume(): Promise<void> {
    this.isPaused = false;
    await this.#worker?.resume();
  }

  /** Counts the jobs of all processes; retries that are due count as pending. */
  async stats(): Promise<XeniooInboxStats> {
    const { queue } = await this.#connection.open();
    const [counts, oldest] = await Promise.all([
      queue.getJobCounts(
        'waiting',
        'active',
        'prioritized',
        'delayed',
        'failed',
      ),
      queue.getJobs(['waiting', 'active'], 0, OLDEST_JOBS - 1, true),
    ]);
    const { waiting = 0, active = 0, prioritized = 0 } = counts;
    // BullMQ 5 counts the waiting jobs of a paused queue here.
    const paused = counts['paused'] ?? 0;
    return {
      pending: waiting + paused + active + prioritized,
      running: this.#worker?.running ?? 0,
      retries: counts['delayed'] ?? 0,
      deadLetters: counts['failed'] ?? 0,
      oldestPendingAt: oldestReceivedAt(oldest),
    };
  }

  async idle(): Promise<void> {
    while (!this.isStopped && !(await this.isIdle())) {
      await sleep(POLL_INTERVAL_MS);
    }
  }

  /** Waits for the running jobs; waiting ones stay in the queue for other processes. */
  async drain(): Promise<void> {
    await this.#worker?.drain();
  }

  async stop(timeoutMs: number): Promise<void> {
    this.isStopped = true;
    await this.#worker?.stop(timeoutMs);
    this.#acceptance.close();
    await this.#connection.close();
  }

  private assertOpen(): void {
    if (!this.isStopped) return;
    throw new XeniooInboxError('the BullMQ inbox has stopped');
  }

  private async isIdle(): Promise<boolean> {
    try {
      await this.#acceptance.flush();
      const { pending, retries } = await this.stats();
      return pending + retries === 0 && (this.#worker?.isIdle ?? true);
    } catch {
      return false;
    }
  }
}

function oldestReceivedAt(
  jobs: readonly (XeniooJob | undefined)[],
): Date | undefined {
  const received = jobs.flatMap(job => {
    try {
      const { handler, entry } = taskOf(job!);
      return handler === undefined ? [entry.receivedAt.getTime()] : [];
    } catch {
      // The job was removed meanwhile, or another program has added it.
      return [];
    }
  });
  return received.length > 0 ? new Date(Math.min(...received)) : undefined;
}
