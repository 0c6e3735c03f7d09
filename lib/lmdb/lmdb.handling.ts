import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import {
  NOTHING_DONE,
  type XeniooDispatch,
} from '../handlers/xenioo.dispatch.js';
import { Lanes } from '../inbox/lanes.js';
import { LONGEST_TIMER_MS } from '../options/range-problems.js';
import type { GroupCommit } from '../inbox/group-commit.js';
import { LmdbBacklog, type Loaded } from './lmdb.backlog.js';
import type { Batch, LmdbFolder } from './lmdb.folder.js';
import type { LmdbRecorder } from './lmdb.recorder.js';
import { LmdbRetries, type LoadedRetry } from './lmdb.retries.js';
import type { LmdbStore } from './lmdb.store.js';
import type { PendingKey } from './lmdb.tables.js';

/** Hands to the dispatcher what waits on disk, and records what came of it. */
export class LmdbHandling {
  private readonly logger = new Logger('Xenioo');
  private readonly lanes: Lanes;
  private readonly backlog: LmdbBacklog;
  private readonly retries: LmdbRetries;
  private retryTimer: NodeJS.Timeout | undefined;
  private pulling: NodeJS.Immediate | undefined;
  private isOpen = false;
  private hasFailedToRead = false;
  private unrecorded = 0;

  constructor(
    private readonly folder: LmdbFolder,
    private readonly store: LmdbStore,
    private readonly commit: GroupCommit<Batch>,
    private readonly recorder: LmdbRecorder,
    private readonly dispatch: XeniooDispatch,
    concurrency: number,
  ) {
    this.lanes = new Lanes(concurrency);
    const onUnreadable = (key: PendingKey, error: unknown) =>
      this.tellUnreadable(key, error);
    this.backlog = new LmdbBacklog(store, concurrency, onUnreadable);
    this.retries = new LmdbRetries(store, onUnreadable);
  }

  /** How many events are being handled, or are handled and not yet recorded. */
  get inFlight(): number {
    return this.unrecorded;
  }

  /** Whether it begins with what comes. */
  get isOn(): boolean {
    return this.isOpen;
  }

  /** Begins with what waits, and goes on with what comes. */
  begin(): void {
    this.isOpen = true;
    this.lanes.open();
    this.pullSoon();
  }

  /** Begins with nothing more; what is being handled comes to its end. */
  end(): void {
    this.isOpen = false;
    clearTimeout(this.retryTimer);
    this.lanes.close();
  }

  /** Something was accepted by this process, or dropped. */
  remember(number: number, entry: XeniooEntry | undefined): void {
    if (this.isOpen) this.backlog.remember(number, entry);
  }

  /** Looks for what can be handled, once for all who ask now. */
  pullSoon(): void {
    this.pulling ??= setImmediate(() => this.pull());
  }

  private pull(): void {
    this.pulling = undefined;
    if (!this.isOpen) return;
    this.read(() => {
      this.folder.refresh();
      for (const loaded of this.backlog.load()) this.add(loaded);
      this.pullRetries();
    });
  }

  /** A disk that fails must not end the process. */
  private read(work: () => void): void {
    try {
      work();
      this.hasFailedToRead = false;
    } catch (error) {
      if (this.hasFailedToRead) return;
      this.hasFailedToRead = true;
      this.logger.error(
        `What waits in the LMDB inbox can't be read, and is tried again: ${describeError(error).message}`,
      );
    }
  }

  private add(loaded: Loaded): void {
    this.lanes.add({
      lane: loaded.conversation,
      run: () => this.attempt(loaded),
    });
  }

  private pullRetries(): void {
    const now = Date.now();
    for (const loaded of this.retries.load(now)) {
      this.lanes.add({ lane: undefined, run: () => this.retry(loaded) });
    }
    clearTimeout(this.retryTimer);
    const next = this.store.nextRetryAfter(now);
    if (next === undefined) return;
    this.retryTimer = setTimeout(
      () => this.pull(),
      Math.min(next - now, LONGEST_TIMER_MS),
    ).unref();
  }

  private async attempt(loaded: Loaded): Promise<void> {
    const { key, entry } = loaded;
    this.unrecorded++;
    const handled = [...loaded.handled];
    const progress =
      handled.length > 0 ? { ...NOTHING_DONE, done: [...handled] } : undefined;
    let isNoted = handled.length > 0;
    let isNoting = false;
    let isSettled = false;
    const onHandled = (handler: string) => {
      handled.push(handler);
      if (isNoting) return;
      isNoting = true;
      const noted = this.commit.writeSoon(() => {
        isNoting = false;
        if (isSettled) return;
        isNoted = true;
        this.store.setHandled(key, handled);
      });
      // Should it fail, the end of the attempt is what is written next.
      noted.catch(() => {});
    };
    const settlement = await this.dispatch(entry, { progress, onHandled });
    isSettled = true;
    const recorded = this.recorder.record({
      entry,
      settlement,
      key,
      text: () => this.store.pendingAt(key),
      take: () => this.store.removePending(key, isNoted),
    });
    void recorded.then(() => {
      this.read(() => {
        for (const next of this.backlog.loadAfter(loaded)) this.add(next);
      });
      this.recorded();
    });
  }

  private async retry(loaded: LoadedRetry): Promise<void> {
    const { row, key, entry } = loaded;
    this.unrecorded++;
    // What this version does not understand any more becomes a dead letter.
    const isInvalid = entry instanceof InvalidXeniooEntry;
    const progress = isInvalid ? undefined : row.progress;
    const settlement = await this.dispatch(entry, { progress });
    const recorded = this.recorder.record({
      entry,
      settlement,
      key,
      text: () => row.text,
      take: () => this.store.removeRetry(row),
    });
    void recorded.then(() => {
      this.retries.leave(loaded);
      this.recorded();
    });
  }

  private recorded(): void {
    this.unrecorded--;
    this.pullSoon();
  }

  private tellUnreadable(key: PendingKey, error: unknown): void {
    const { message } = describeError(error);
    this.logger.error(
      `Entry ${key.join('-')} of the LMDB inbox can't be read, and stays there: ${message}`,
    );
  }
}
