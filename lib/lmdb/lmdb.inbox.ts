import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../describe-error.js';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import { GroupCommit } from '../inbox/group-commit.js';
import type { XeniooDeadLetterStore } from '../inbox/xenioo.dead-letter-store.js';
import {
  XeniooInbox,
  type XeniooInboxStats,
  type XeniooRunner,
} from '../inbox/xenioo.inbox.js';
import type { XeniooSettings } from '../options/xenioo.options.js';
import { plural } from '../plural.js';
import { settledWithin } from '../settled-within.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import { LmdbAcceptance } from './lmdb.acceptance.js';
import { LmdbClaims } from './lmdb.claims.js';
import { LmdbDeadLetters } from './lmdb.dead-letters.js';
import { LmdbCrashCounter } from './lmdb.crash-counter.js';
import type { Batch } from './lmdb.batch.js';
import { LmdbFolder } from './lmdb.folder.js';
import type { LmdbInboxSettings } from './lmdb.inbox-options.js';
import { LmdbOwnership } from './lmdb.ownership.js';
import { LmdbProcessor } from './lmdb.processor.js';
import { LmdbRecorder } from './lmdb.recorder.js';
import { LmdbStore } from './lmdb.store.js';

/** Time in milliseconds between two checks for new tasks, in case a notification was lost. */
const CHECK_INTERVAL_MS = 1_000;

/** Time in milliseconds between two checks in `idle()`, `drain()` and `stop()`. */
const POLL_INTERVAL_MS = 10;

const NONE: ReadonlySet<string> = new Set();

const CLEANUP_INTERVAL_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Upper bound in milliseconds of each step of closing the folder. */
const CLOSE_STEP_TIMEOUT_MS = 1_000;

/** Options of `XeniooModule` that the inbox reads. */
export type LmdbInboxInstanceSettings = Pick<
  XeniooSettings,
  'concurrency' | 'dedupe' | 'acceptTimeoutMs'
>;

/**
 * Stores accepted events on the disk of this machine and answers a call 200 once they
 * are synced, so that they survive a crash. One of the processes that share the
 * folder handles events.
 */
export class LmdbInbox extends XeniooInbox {
  override readonly storageLocation: string;
  override readonly deadLetters: XeniooDeadLetterStore;

  private readonly logger = new Logger('Xenioo');
  private readonly store: LmdbStore;
  private readonly commit: GroupCommit<Batch>;
  private readonly claims: LmdbClaims;
  private readonly letters: LmdbDeadLetters;
  private readonly acceptance: LmdbAcceptance;
  private readonly ownership: LmdbOwnership;
  private runner: XeniooRunner | undefined;
  private processor: LmdbProcessor | undefined;
  private readonly timers: NodeJS.Timeout[] = [];
  private isPaused = false;
  private isStopped = false;

  private constructor(
    private readonly folder: LmdbFolder,
    private readonly options: LmdbInboxSettings,
    private readonly settings: LmdbInboxInstanceSettings,
  ) {
    super();
    this.storageLocation = folder.path;
    this.store = new LmdbStore(folder);
    this.commit = new GroupCommit(folder);
    this.claims = new LmdbClaims(folder, settings.dedupe);
    this.letters = new LmdbDeadLetters(folder, this.store, this.commit, () =>
      this.notifyProcessor(),
    );
    this.deadLetters = this.letters;
    this.acceptance = new LmdbAcceptance(
      folder,
      this.store,
      this.claims,
      this.commit,
      settings.acceptTimeoutMs,
    );
    this.ownership = new LmdbOwnership(folder, this.commit, {
      onOwned: hasCrashed => this.startProcessor(hasCrashed),
      onLost: () => this.closeProcessor(),
      onNotified: () => this.processor?.schedulePull(),
    });
  }

  /**
   * Opens the folder; creates it if it does not exist.
   * @throws {XeniooInboxError} when it is damaged, not writable, or holds other files
   * @hidden
   */
  static async open(
    options: LmdbInboxSettings,
    settings: LmdbInboxInstanceSettings,
  ): Promise<LmdbInbox> {
    const folder = await LmdbFolder.open(options.path);
    return new LmdbInbox(folder, options, settings);
  }

  async accept(delivery: XeniooDelivery): Promise<void> {
    this.assertOpen();
    const { entries, bot } = delivery;
    if (entries.length === 0) return;
    const accepted = await this.acceptance.accept(delivery);
    for (const { number, task, bytes } of accepted) {
      this.processor?.keepInMemory(number, task, bytes);
    }
    const count = entries.length - accepted.length;
    if (count > 0) this.runner?.reportDuplicates({ bot, count });
    if (accepted.length > 0) this.notifyProcessor();
  }

  /** Syncs a commit to the disk, as a call does. */
  async assertAccepting(): Promise<void> {
    this.assertOpen();
    await this.acceptance.probe();
  }

  async start(runner: XeniooRunner): Promise<void> {
    this.runner = runner;
    await this.ownership.start();
    const check = () => {
      this.folder.checkFiles();
      this.ownership.checkOwner();
      this.processor?.schedulePull();
    };
    this.timers.push(
      setInterval(check, CHECK_INTERVAL_MS).unref(),
      setInterval(() => void this.cleanUp(), CLEANUP_INTERVAL_MS).unref(),
    );
  }

  async pause(): Promise<void> {
    this.isPaused = true;
    this.processor?.pause();
  }

  async resume(): Promise<void> {
    this.isPaused = false;
    this.processor?.resume();
  }

  async stats(): Promise<XeniooInboxStats> {
    this.folder.refresh();
    return {
      ...this.store.counts(),
      running: this.processor?.running ?? 0,
      oldestPendingAt: this.store.oldestPendingAt(),
    };
  }

  /** Does not wait for tasks of another version, which this process skips. */
  idle(): Promise<void> {
    return this.waitUntil(
      () =>
        this.folder.isOpen &&
        !this.processor?.unrecorded &&
        this.store.isEmpty(this.processor?.unreadable ?? NONE),
    );
  }

  /** Waits for the first runs and for the retries that are due now. */
  async drain(): Promise<void> {
    if (!this.folder.isOpen) return;
    const [, last] = this.store.nextKey();
    const dueUntil = this.store.now;
    await this.waitUntil(() => {
      if (!this.folder.isOpen || !this.processor?.isActive) return true;
      const { unreadable } = this.processor;
      const isRetryDue = this.store
        .retriesDue(unreadable.size + 1)
        .some(row => row.dueAt! <= dueUntil && !unreadable.has(row.key.join()));
      return this.store.isEmptyUntil(last, unreadable) && !isRetryDue;
    });
  }

  async stop(timeoutMs: number): Promise<void> {
    this.isStopped = true;
    for (const timer of this.timers) clearInterval(timer);
    const { processor } = this;
    processor?.close();
    const recorded = this.waitUntil(() => !processor?.unrecorded);
    if (!(await settledWithin(recorded, timeoutMs))) {
      this.logger.warn(
        `Stopping while handlers of ${plural(processor?.unrecorded ?? 0, 'event')} are running. Unfinished events stay stored and are handled again after the next start. If handlers need longer, raise \`shutdownTimeoutMs\`.`,
      );
    }
    processor?.abandon();
    await settledWithin(this.ownership.stop(), CLOSE_STEP_TIMEOUT_MS);
    await settledWithin(this.commit.flush(), CLOSE_STEP_TIMEOUT_MS);
    if (await this.folder.close(CLOSE_STEP_TIMEOUT_MS)) return;
    this.logger.warn(
      `The LMDB inbox at ${this.storageLocation} could not be closed: a commit waits for another process that holds the lock of the folder. Resume or kill that process; until then, process.exit() blocks and only a signal ends this process.`,
    );
  }

  private assertOpen(): void {
    if (!this.isStopped) return;
    throw new XeniooInboxError('the LMDB inbox has stopped');
  }

  /** Starts to handle the tasks of the folder. */
  private async startProcessor(hasCrashed: boolean): Promise<void> {
    const crashes = new LmdbCrashCounter(this.folder, this.store, this.commit);
    await crashes.countCrash(hasCrashed);
    if (this.isStopped) return;
    const processor = new LmdbProcessor(
      this.folder,
      this.store,
      new LmdbRecorder(this.store, this.commit, this.letters, crashes),
      crashes,
      this.runner!,
      this.settings.concurrency,
    );
    this.processor = processor;
    if (this.isPaused) processor.pause();
    processor.start();
    void this.cleanUp();
  }

  /** Stops handling tasks, because another process has replaced this one as the owner. */
  private closeProcessor(): void {
    this.processor?.close();
    this.logger.error(
      `Another process has started to handle the events of the LMDB inbox at ${this.storageLocation}; this process only accepts events now. Check that nothing removes the socket file of this process (owner-*.sock).`,
    );
  }

  /** Notifies the process that handles tasks, this one or another, of new ones. */
  private notifyProcessor(): void {
    this.processor?.schedulePull();
    this.ownership.notifyOwner();
  }

  /** Removes expired ids and old dead letters. */
  private async cleanUp(): Promise<void> {
    if (!this.processor?.isActive) return;
    const days = this.options.deadLetterRetentionDays;
    try {
      this.folder.releaseDeadReaders();
      await this.commit.write(batch => this.claims.removeExpired(batch));
      const oldest = new Date(Date.now() - days * DAY_MS);
      const removed = await this.letters.removeOlderThan(oldest);
      if (removed === 0) return;
      this.logger.warn(
        `Removed ${plural(removed, 'dead letter')} older than ${plural(days, 'day')} (\`deadLetterRetentionDays\`).`,
      );
    } catch (error) {
      this.logger.error(
        `Removing old dead letters and expired ids failed; retrying in an hour: ${describeError(error).message}`,
      );
    }
  }

  /** Polls, since another process may make the condition true. */
  private async waitUntil(condition: () => boolean): Promise<void> {
    while (!this.folder.isClosed) {
      this.folder.refresh();
      if (condition()) return;
      await sleep(POLL_INTERVAL_MS);
    }
  }
}
