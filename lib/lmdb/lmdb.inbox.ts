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
import { settledWithin } from '../settled-within.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import { LmdbAcceptance } from './lmdb.acceptance.js';
import { LmdbClaims } from './lmdb.claims.js';
import { LmdbDeadLetters } from './lmdb.dead-letters.js';
import { LmdbDeaths } from './lmdb.deaths.js';
import { LmdbFolder, type Batch } from './lmdb.folder.js';
import type { LmdbInboxSettings } from './lmdb.inbox-options.js';
import { LmdbOwnership } from './lmdb.ownership.js';
import { LmdbProcessor } from './lmdb.processor.js';
import { LmdbStore } from './lmdb.store.js';

/** Time in milliseconds between two looks for tasks of which no notice came. */
const LOOK_EVERY_MS = 1_000;

/** Time in milliseconds between two looks of those who wait. */
const POLL_EVERY_MS = 10;

const TIDY_EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Time in milliseconds that stopping waits for each of its last commits. */
const LAST_COMMIT_WITHIN_MS = 1_000;

/** The options of its instance that the inbox reads. */
export type LmdbInboxInstanceSettings = Pick<
  XeniooSettings,
  'concurrency' | 'dedupe' | 'acceptTimeoutMs'
>;

/**
 * Stores accepted events on the disk of this machine: a call is answered 200 when
 * they are synced, and they are handled whatever ends the process. Of the processes
 * that share the folder, one handles events.
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
      onOwned: hasDied => this.startProcessor(hasDied),
      onLost: () => this.closeProcessor(),
      onNotified: () => this.processor?.pullSoon(),
    });
  }

  /**
   * Opens the folder, and makes it if it does not exist.
   * @throws {XeniooInboxError} when it can't be used: damaged, foreign, not writable
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
      this.processor?.remember(number, task, bytes);
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
    const look = () => {
      this.ownership.check();
      this.processor?.pullSoon();
    };
    this.timers.push(
      setInterval(look, LOOK_EVERY_MS).unref(),
      setInterval(() => void this.tidyUp(), TIDY_EVERY_MS).unref(),
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

  idle(): Promise<void> {
    return this.until(
      () =>
        this.folder.isOpen && this.store.isEmpty && !this.processor?.unrecorded,
    );
  }

  /** Waits for first runs, and for retries that are due; later retries wait for the next start. */
  async drain(): Promise<void> {
    const lastKey = this.store.nextKey();
    const dueUntil = this.store.now;
    await this.until(() => {
      if (!this.folder.isOpen || !this.processor?.isActive) return true;
      const [retry] = this.store.retriesDue(1);
      const isRetryDue = retry !== undefined && retry.dueAt! <= dueUntil;
      return this.store.isEmptyUntil(lastKey) && !isRetryDue;
    });
  }

  async stop(timeoutMs: number): Promise<void> {
    this.isStopped = true;
    for (const timer of this.timers) clearInterval(timer);
    const { processor } = this;
    processor?.close();
    const recorded = this.until(() => !processor?.unrecorded);
    if (!(await settledWithin(recorded, timeoutMs))) {
      this.logger.warn(
        `Stopping after ${timeoutMs} ms while ${processor?.unrecorded} events are being handled: they are kept, and handled again after the next start. If handlers need longer, raise \`shutdownTimeoutMs\`.`,
      );
    }
    processor?.abandon();
    await settledWithin(this.ownership.stop(), LAST_COMMIT_WITHIN_MS);
    await settledWithin(this.commit.end(), LAST_COMMIT_WITHIN_MS);
    if (await this.folder.close(LAST_COMMIT_WITHIN_MS)) return;
    this.logger.warn(
      `The LMDB inbox at ${this.storageLocation} could not be closed: a commit waits for another process that holds the lock of the folder. Until that goes on or ends, a signal ends this process, and process.exit() waits.`,
    );
  }

  private assertOpen(): void {
    if (!this.isStopped) return;
    throw new XeniooInboxError('the LMDB inbox has stopped');
  }

  /** This process handles the tasks of the folder from now on. */
  private async startProcessor(hasDied: boolean): Promise<void> {
    const deaths = new LmdbDeaths(this.folder, this.store, this.commit);
    await deaths.count(hasDied);
    if (this.isStopped) return;
    const processor = new LmdbProcessor(
      this.folder,
      this.store,
      this.commit,
      this.letters,
      deaths,
      this.runner!,
      this.settings.concurrency,
    );
    this.processor = processor;
    if (this.isPaused) processor.pause();
    processor.start();
    void this.tidyUp();
  }

  /** Another process took this one for dead. */
  private closeProcessor(): void {
    this.processor?.close();
    this.logger.error(
      `Another process has started to handle the events of the LMDB inbox at ${this.storageLocation}; this one only accepts events now. Was the file of its socket removed?`,
    );
  }

  /** Tells the process that handles tasks, this one or another, that some were added. */
  private notifyProcessor(): void {
    this.processor?.pullSoon();
    this.ownership.notifyOwner();
  }

  /** Removes expired ids and old dead letters. */
  private async tidyUp(): Promise<void> {
    if (!this.processor?.isActive) return;
    const days = this.options.deadLetterRetentionDays;
    try {
      this.folder.forgetDeadReaders();
      await this.commit.write(batch => this.claims.forgetExpired(batch));
      const oldest = new Date(Date.now() - days * DAY_MS);
      const removed = await this.letters.removeOlderThan(oldest);
      if (removed === 0) return;
      this.logger.warn(
        `Removed ${removed} dead letters older than ${days} days (\`deadLetterRetentionDays\`).`,
      );
    } catch (error) {
      this.logger.error(
        `Removing old dead letters failed: ${describeError(error).message}`,
      );
    }
  }

  /** Looks again and again, since another process may be the one that changes it. */
  private async until(isSo: () => boolean): Promise<void> {
    while (!this.folder.isClosed) {
      this.folder.refresh();
      if (isSo()) return;
      await sleep(POLL_EVERY_MS);
    }
  }
}
