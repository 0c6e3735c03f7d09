import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { XeniooRunner } from '../inbox/xenioo.inbox.js';
import type { XeniooSettings } from '../options/xenioo.options.js';
import { plural } from '../plural.js';
import { settledWithin } from '../settled-within.js';
import { PostgresClaims } from './postgres.claims.js';
import type { PostgresDatabase } from './postgres.database.js';
import { PostgresClaimScheduler } from './postgres.claim-scheduler.js';
import { PostgresDistribution } from './postgres.distribution.js';
import type { PostgresTransactionRunner } from './postgres.inbox-options.js';
import { PostgresMembership } from './postgres.membership.js';
import { PostgresProcessor } from './postgres.processor.js';
import { PostgresRecorder } from './postgres.recorder.js';
import { PostgresTransactions } from './postgres.transactions.js';

/** Interval in milliseconds of polling for tasks without a notification. */
const POLL_EVERY_MS = 1_000;

/** Polling interval in milliseconds without a session, which receives no notifications. */
const POLL_WITHOUT_SESSION_EVERY_MS = 200;

const IDLE_CHECK_EVERY_MS = 5;

/** Options of a `PostgresWorker`. */
export interface WorkerOptions {
  readonly concurrency: number;
  readonly dedupe: XeniooSettings['dedupe'];
  readonly handlerTimeoutMs: number;
  readonly leaseMs: number;
  readonly transaction: PostgresTransactionRunner | undefined;
  /** False behind a pooler in transaction mode: no `LISTEN` and no advisory lock. */
  readonly hasSession: boolean;
  readonly channel: string;
  /** Payload that identifies the notifications of this process, which it ignores. */
  readonly sender: string;
}

/** Claims and handles events in this process. */
export class PostgresWorker {
  private readonly logger = new Logger('Xenioo');
  private readonly recorder: PostgresRecorder;
  private readonly processor: PostgresProcessor;
  private readonly membership: PostgresMembership;
  private readonly claimScheduler: PostgresClaimScheduler;
  private readonly distribution: PostgresDistribution;
  private isDraining = false;

  constructor(
    database: PostgresDatabase,
    runner: XeniooRunner,
    options: WorkerOptions,
  ) {
    const { concurrency, handlerTimeoutMs, hasSession } = options;
    this.recorder = new PostgresRecorder(database);
    this.membership = new PostgresMembership(database, options, {
      onRegistered: () => {
        this.processor.dropClaims();
        this.wakeWithRetries();
      },
      onHeartbeat: () => this.processor.start(),
      onTasksAvailable: () => this.wake(),
      onSuspects: () => this.claimScheduler.claimSuspects(),
      checkClaims: check =>
        this.claimScheduler.betweenClaims(() => check(this.processor.claimed)),
    });
    this.processor = new PostgresProcessor(
      this.recorder,
      new PostgresTransactions(database, handlerTimeoutMs, options.transaction),
      runner,
      concurrency,
      this.membership,
      {
        onCapacity: () => this.claimScheduler.claimMore(),
        onRetry: inMs => this.claimScheduler.claimRetriesIn(inMs),
        onRetryReleased: () => this.membership.checkClaimsSoon(),
        onConversationReleased: () => this.claimScheduler.wake(),
      },
    );
    const pollMs = hasSession ? POLL_EVERY_MS : POLL_WITHOUT_SESSION_EVERY_MS;
    this.distribution = new PostgresDistribution(
      database,
      options.dedupe,
      pollMs,
      {
        onDistributed: () => this.claimScheduler.wake(),
        onDuplicates: duplicates => runner.reportDuplicates(duplicates),
      },
    );
    this.claimScheduler = new PostgresClaimScheduler(
      database,
      new PostgresClaims(database),
      this.membership,
      this.processor,
      concurrency,
      pollMs,
    );
  }

  get running(): number {
    return this.processor.running;
  }

  /** True when no task runs or waits to be recorded, and no events are being distributed. */
  get isIdle(): boolean {
    return this.processor.unrecorded === 0 && this.distribution.isSettled;
  }

  start(): void {
    this.membership.start();
    this.distribution.start();
  }

  /** Distributes accepted events, then claims conversations; called when there may be new events. */
  wake(): void {
    this.distribution.wake();
  }

  /** The same, and claims retries; called when there may be new ones of both. */
  wakeWithRetries(): void {
    this.wake();
    this.claimScheduler.claimRetriesIn(0);
  }

  pause(): void {
    this.claimScheduler.close();
    this.processor.close();
  }

  resume(): void {
    if (this.isDraining) return;
    this.processor.open();
    this.claimScheduler.open();
  }

  /** Starts no more tasks; resolves when the running ones are recorded. */
  async drain(): Promise<void> {
    this.isDraining = true;
    this.distribution.close();
    this.pause();
    while (!this.isIdle) await sleep(IDLE_CHECK_EVERY_MS);
  }

  async stop(timeoutMs: number, lastCommitWithinMs: number): Promise<void> {
    if (!(await settledWithin(this.drain(), timeoutMs))) {
      this.logger.warn(
        `Stopping while handlers of ${plural(this.processor.unrecorded, 'event')} are running. Unfinished events stay stored and are handled again. If handlers need longer, raise \`shutdownTimeoutMs\`.`,
      );
    }
    this.recorder.abandon();
    await settledWithin(
      this.membership.stop().catch(() => {}),
      lastCommitWithinMs,
    );
  }
}
