import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { XeniooRunner } from '../inbox/xenioo.inbox.js';
import { settledWithin } from '../settled-within.js';
import { PostgresClaims } from './postgres.claims.js';
import type { PostgresDatabase } from './postgres.database.js';
import { PostgresFeeder } from './postgres.feeder.js';
import type { PostgresTransactionRunner } from './postgres.inbox-options.js';
import { PostgresMembership } from './postgres.membership.js';
import { PostgresProcessor } from './postgres.processor.js';
import { PostgresRecorder } from './postgres.recorder.js';
import { PostgresTransactions } from './postgres.transactions.js';

/** Time in milliseconds between two looks for tasks of which no notification came. */
const POLL_EVERY_MS = 1_000;

/** The same where no notifications come. */
const POLL_WITHOUT_SESSION_EVERY_MS = 200;

const LOOK_AGAIN_AFTER_MS = 5;

export interface WorkerOptions {
  readonly concurrency: number;
  readonly handlerTimeoutMs: number;
  readonly leaseMs: number;
  readonly transaction: PostgresTransactionRunner | undefined;
  readonly hasSession: boolean;
  readonly channel: string;
  /** Payload of the notifications of this process, which it knows of already. */
  readonly sender: string;
}

/** Handles events in this process. */
export class PostgresWorker {
  private readonly logger = new Logger('Xenioo');
  private readonly recorder: PostgresRecorder;
  private readonly processor: PostgresProcessor;
  private readonly membership: PostgresMembership;
  private readonly feeder: PostgresFeeder;
  private isDraining = false;

  constructor(
    database: PostgresDatabase,
    runner: XeniooRunner,
    options: WorkerOptions,
  ) {
    const { concurrency, handlerTimeoutMs, hasSession } = options;
    this.recorder = new PostgresRecorder(database);
    this.membership = new PostgresMembership(database, options, {
      onEnrolled: () => {
        this.processor.forget();
        this.wakeForReplay();
      },
      onBeat: () => this.processor.start(),
      onWoken: () => this.feeder.wake(),
      onSuspects: () => this.feeder.foundSuspects(),
      held: () => (this.feeder.isSettled ? this.processor.held : undefined),
    });
    this.processor = new PostgresProcessor(
      this.recorder,
      new PostgresTransactions(database, handlerTimeoutMs, options.transaction),
      runner,
      concurrency,
      this.membership,
      {
        onRoom: () => this.feeder.fill(),
        onRetry: inMs => this.feeder.claimRetriesIn(inMs),
        onRetryLetGo: () => this.membership.doubt(),
        onLetGo: () => this.feeder.wake(),
      },
    );
    this.feeder = new PostgresFeeder(
      database,
      new PostgresClaims(database),
      this.membership,
      this.processor,
      concurrency,
      hasSession ? POLL_EVERY_MS : POLL_WITHOUT_SESSION_EVERY_MS,
    );
  }

  get running(): number {
    return this.processor.running;
  }

  /** True when nothing runs here, or has run and is not recorded. */
  get isIdle(): boolean {
    return this.processor.unrecorded === 0;
  }

  start(): void {
    this.membership.start();
  }

  /** There may be events to run. */
  wake(): void {
    this.feeder.wake();
  }

  /** There may be events and retries to run. */
  wakeForReplay(): void {
    this.feeder.wake();
    this.feeder.claimRetriesIn(0);
  }

  pause(): void {
    this.feeder.close();
    this.processor.close();
  }

  resume(): void {
    if (this.isDraining) return;
    this.processor.open();
    this.feeder.open();
  }

  /** Starts nothing more; resolves when what runs is recorded. */
  async drain(): Promise<void> {
    this.isDraining = true;
    this.pause();
    while (!this.isIdle) await sleep(LOOK_AGAIN_AFTER_MS);
  }

  async stop(timeoutMs: number, lastCommitWithinMs: number): Promise<void> {
    if (!(await settledWithin(this.drain(), timeoutMs))) {
      this.logger.warn(
        `Stopping after ${timeoutMs} ms while ${this.processor.unrecorded} events are being handled: they are kept, and handled again. If handlers need longer, raise \`shutdownTimeoutMs\`.`,
      );
    }
    this.recorder.abandon();
    await settledWithin(
      this.membership.stop().catch(() => {}),
      lastCommitWithinMs,
    );
  }
}
