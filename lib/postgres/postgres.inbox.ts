import { Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../describe-error.js';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import type { XeniooDeadLetterStore } from '../inbox/xenioo.dead-letter-store.js';
import {
  XeniooInbox,
  type XeniooInboxStats,
  type XeniooRunner,
} from '../inbox/xenioo.inbox.js';
import type { XeniooSettings } from '../options/xenioo.options.js';
import { settledWithin } from '../settled-within.js';
import { XeniooInboxError, XeniooOptionsError } from '../xenioo.errors.js';
import { isOutage } from './is-outage.js';
import { isPoolingError, POOLING_REMEDY } from './is-pooling-error.js';
import type { Pg } from './load-pg.js';
import { PostgresAcceptance } from './postgres.acceptance.js';
import { PostgresDatabase } from './postgres.database.js';
import { PostgresDeadLetters } from './postgres.dead-letters.js';
import type { PostgresInboxSettings } from './postgres.inbox-options.js';
import { PostgresPurge } from './postgres.purge.js';
import { PostgresTables } from './postgres.tables.js';
import { PostgresWorker } from './postgres.worker.js';

const IDLE_CHECK_EVERY_MS = 10;

/** Time in milliseconds that `stop()` waits for each of its last commits. */
const LAST_COMMIT_WITHIN_MS = 1_000;

/** Minimum interval in milliseconds between two notifications of accepted events. */
const NOTIFY_EVERY_MS = 10;

/** Module options that the inbox reads. */
export type PostgresInstanceSettings = Pick<
  XeniooSettings,
  'concurrency' | 'dedupe' | 'acceptTimeoutMs'
> &
  Partial<Pick<XeniooSettings, 'handlerTimeoutMs'>>;

/**
 * Stores events in PostgreSQL: a call is answered 200 when its events are committed.
 * Any worker process with the same schema handles them, the events of a conversation
 * one after another.
 */
export class PostgresInbox extends XeniooInbox {
  override readonly storageLocation: string;
  override readonly deadLetters: XeniooDeadLetterStore;
  override readonly runsTransactions = true;
  override readonly handlesEvents: boolean;

  private readonly logger = new Logger('Xenioo');
  readonly #options: PostgresInboxSettings;
  readonly #database: PostgresDatabase;
  readonly #acceptance: PostgresAcceptance;
  readonly #purge: PostgresPurge;
  #worker: PostgresWorker | undefined;
  private runner: XeniooRunner | undefined;
  private notifyTimer: NodeJS.Timeout | undefined;
  private isNotificationDue = false;
  private readonly sender = randomUUID();
  private isPaused = false;
  private isStopped = false;

  private constructor(
    database: PostgresDatabase,
    options: PostgresInboxSettings,
    private readonly instance: PostgresInstanceSettings,
  ) {
    super();
    this.#options = options;
    this.#database = database;
    this.storageLocation = `${database.name}, schema ${options.schema}`;
    this.handlesEvents = options.worker;
    this.#acceptance = new PostgresAcceptance(database, instance);
    this.#purge = new PostgresPurge(
      database,
      options.deadLetterRetentionDays,
      instance.dedupe,
    );
    this.deadLetters = new PostgresDeadLetters(
      database,
      this.#acceptance,
      () => {
        this.#worker?.wakeWithRetries();
        this.wakeAll();
      },
    );
  }

  /**
   * Connects, and creates the tables if they do not exist. If the server is
   * unreachable, the inbox opens all the same and connects again for each statement.
   * @throws {XeniooInboxError} when the database rejects the login or a statement
   * @throws {XeniooOptionsError} when a pooler refuses the settings of a session
   * @hidden
   */
  static async open(
    pg: Pg,
    options: PostgresInboxSettings,
    instance: PostgresInstanceSettings,
  ): Promise<PostgresInbox> {
    const database = new PostgresDatabase(
      pg,
      options,
      instance.acceptTimeoutMs,
    );
    try {
      await new PostgresTables(database, options).open();
    } catch (error) {
      if (isPoolingError(error) || !isOutage(error)) {
        await database.close();
        if (isPoolingError(error)) {
          throw new XeniooOptionsError(
            [
              `${database.name} refuses the sessions of postgresInbox(): ${describeError(error).message}. ${POOLING_REMEDY}`,
            ],
            { cause: error },
          );
        }
        if (error instanceof XeniooInboxError) throw error;
        throw new XeniooInboxError(
          `the PostgreSQL inbox can't use ${database.name}: ${describeError(error).message}`,
          { cause: error },
        );
      }
      database.reportFailure(error, performance.now());
    }
    return new PostgresInbox(database, options, instance);
  }

  async accept(delivery: XeniooDelivery): Promise<void> {
    this.assertOpen();
    const { entries, bot } = delivery;
    if (entries.length === 0) return;
    const duplicates = await this.#acceptance.accept(delivery);
    if (duplicates > 0) {
      this.runner?.reportDuplicates({ bot, count: duplicates });
    }
    if (duplicates < entries.length) this.wakeAll();
  }

  /** Commits to the write-ahead log of the server, as accepting a delivery does. */
  async assertAccepting(): Promise<void> {
    this.assertOpen();
    await this.#acceptance.probe();
  }

  async start(runner: XeniooRunner): Promise<void> {
    this.runner = runner;
    void this.#database.logRisks();
    this.#purge.start();
    if (!this.handlesEvents) {
      this.logger.log(
        `Events are stored in ${this.storageLocation}; this process handles none of them (\`worker: false\`).`,
      );
      return;
    }
    const { leaseMs, transactionPooling, transaction } = this.#options;
    const { concurrency, dedupe, handlerTimeoutMs = 30_000 } = this.instance;
    this.#worker = new PostgresWorker(this.#database, runner, {
      concurrency,
      dedupe,
      handlerTimeoutMs,
      leaseMs,
      transaction,
      hasSession: !transactionPooling,
      channel: this.channel,
      sender: this.sender,
    });
    if (!this.isPaused) this.#worker.resume();
    this.#worker.start();
    this.logger.log(
      `Events are stored in ${this.storageLocation}; this process handles up to ${concurrency} at once.`,
    );
  }

  async pause(): Promise<void> {
    this.isPaused = true;
    this.#worker?.pause();
  }

  async resume(): Promise<void> {
    this.isPaused = false;
    this.#worker?.resume();
  }

  async stats(): Promise<XeniooInboxStats> {
    const [row] = await this.#database.query('stats');
    const { pending, retries, letters, oldest } = row!;
    return {
      pending: Number(pending),
      running: this.#worker?.running ?? 0,
      retries: Number(retries),
      deadLetters: Number(letters),
      oldestPendingAt:
        oldest == null ? undefined : new Date(Math.round(Number(oldest))),
    };
  }

  async idle(): Promise<void> {
    while (!this.isStopped && !(await this.isIdle())) {
      await sleep(IDLE_CHECK_EVERY_MS);
    }
  }

  /** Waits for running handlers; waiting events stay stored for any worker process. */
  async drain(): Promise<void> {
    await this.#worker?.drain();
  }

  async stop(timeoutMs: number): Promise<void> {
    if (this.isStopped) return;
    this.isStopped = true;
    this.#purge.stop();
    clearTimeout(this.notifyTimer);
    await this.#worker?.stop(timeoutMs, LAST_COMMIT_WITHIN_MS);
    await settledWithin(
      this.#acceptance.end().catch(() => {}),
      LAST_COMMIT_WITHIN_MS,
    );
    await this.#database.close();
  }

  private assertOpen(): void {
    if (!this.isStopped) return;
    throw new XeniooInboxError('the PostgreSQL inbox has stopped');
  }

  private get channel(): string {
    return `nestjs_xenioo_${this.#options.schema}`;
  }

  /** Wakes the worker of this process, and those of other processes. */
  private wakeAll(): void {
    this.#worker?.wake();
    if (this.#options.transactionPooling) return;
    if (this.notifyTimer) this.isNotificationDue = true;
    else this.notifyOthers();
  }

  /** Notifies the workers of other processes, at most once per `NOTIFY_EVERY_MS`: each notification takes a server-wide lock. */
  private notifyOthers(): void {
    this.isNotificationDue = false;
    // Workers that miss a notification find the events by polling.
    this.#database.notify(this.channel, this.sender).catch(() => {});
    this.notifyTimer = setTimeout(() => {
      this.notifyTimer = undefined;
      if (this.isNotificationDue) this.notifyOthers();
    }, NOTIFY_EVERY_MS).unref();
  }

  private async isIdle(): Promise<boolean> {
    try {
      if (this.#worker && !this.#worker.isIdle) return false;
      const [row] = await this.#database.query('isEmpty');
      return row!['empty'] === 't' && (this.#worker?.isIdle ?? true);
    } catch {
      return false;
    }
  }
}
