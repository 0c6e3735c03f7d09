import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import { KeyedTaskQueue } from '../inbox/keyed-task-queue.js';
import { recordDeaths, warnOfDeaths } from '../inbox/record-deaths.js';
import { recordRun, type XeniooRunRecord } from '../inbox/record-run.js';
import { restoreTask } from '../inbox/stored-form.js';
import type { XeniooRunner } from '../inbox/xenioo.inbox.js';
import { LONGEST_TIMER_MS } from '../options/range-problems.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import { LmdbBacklog, type PendingTask } from './lmdb.backlog.js';
import { MAX_CRASHES, type LmdbCrashCounter } from './lmdb.crash-counter.js';
import type { LmdbFolder } from './lmdb.folder.js';
import type { LmdbRecorder } from './lmdb.recorder.js';
import type { LmdbStore, StoredTask } from './lmdb.store.js';
import type { TaskKey } from './lmdb.tables.js';

/** More retries are read from the disk when no more than this number is in memory. */
const MIN_RETRIES_IN_MEMORY = 64;

/** Number of retries read from the disk at a time. */
const RETRIES_PER_READ = 128;

/** A task in memory. */
interface QueuedTask extends StoredTask {
  /** Absent for a retry. */
  readonly pending?: PendingTask;
}

/** Runs the pending tasks and the due retries of a folder. */
export class LmdbProcessor {
  private readonly logger = new Logger('Xenioo');
  private readonly queue: KeyedTaskQueue<{
    readonly key: string | undefined;
    readonly queued: QueuedTask;
  }>;
  private readonly backlog: LmdbBacklog;
  /** Retries in memory, by key. */
  private readonly retries = new Set<string>();
  /** Keys of the tasks of another version, which stay on the disk. */
  readonly unreadable = new Set<string>();
  /** Tasks during which the process crashed before: each runs alone, ahead of all others. */
  private readonly isolated: QueuedTask[] = [];
  private retryTimer: NodeJS.Timeout | undefined;
  private scheduledPull: NodeJS.Immediate | undefined;
  private isOpen = false;
  private isPaused = false;
  private hasFailedToRead = false;
  private runningCount = 0;
  private unrecordedCount = 0;

  constructor(
    private readonly folder: LmdbFolder,
    private readonly store: LmdbStore,
    private readonly recorder: LmdbRecorder,
    private readonly crashes: LmdbCrashCounter,
    private readonly runner: XeniooRunner,
    concurrency: number,
  ) {
    this.queue = new KeyedTaskQueue(concurrency, ({ queued }) =>
      this.run(queued),
    );
    this.backlog = new LmdbBacklog(store, concurrency, (key, error) =>
      this.skip(key, error),
    );
  }

  /** Number of tasks whose handlers are running. */
  get running(): number {
    return this.runningCount;
  }

  /** Number of tasks that are running, or whose results are not recorded yet. */
  get unrecorded(): number {
    return this.unrecordedCount;
  }

  /** True unless closed or paused. */
  get isActive(): boolean {
    return this.isOpen && !this.isPaused;
  }

  start(): void {
    this.isOpen = true;
    this.updateQueue();
    this.schedulePull();
  }

  /** Starts no more tasks; running ones continue. */
  close(): void {
    this.isOpen = false;
    clearTimeout(this.retryTimer);
    this.queue.close();
  }

  pause(): void {
    this.isPaused = true;
    this.queue.close();
  }

  resume(): void {
    this.isPaused = false;
    this.updateQueue();
    this.schedulePull();
  }

  /** Records no more results: running tasks run again after the next start. */
  abandon(): void {
    this.recorder.stop();
  }

  /** Keeps a task that this process has just accepted, so that it need not be read from the disk. */
  keepInMemory(rowNumber: number, task: XeniooTask, bytes: number): void {
    if (this.isOpen) this.backlog.keepInMemory(rowNumber, task, bytes);
  }

  /** Pulls the tasks that can run, once for all calls in this turn of the event loop. */
  schedulePull(): void {
    this.scheduledPull ??= setImmediate(() => this.pull());
  }

  private pull(): void {
    this.scheduledPull = undefined;
    if (!this.isActive) return;
    this.readOrLog(() => {
      this.folder.refresh();
      for (const pending of this.backlog.load()) this.addPending(pending);
      this.pullRetries();
    });
  }

  /** Reads from the disk; logs the first of several failures instead of throwing. */
  private readOrLog(work: () => void): void {
    try {
      work();
      this.hasFailedToRead = false;
    } catch (error) {
      // The folder has logged why it is unavailable.
      if (this.hasFailedToRead || error instanceof XeniooInboxError) return;
      this.hasFailedToRead = true;
      this.logger.error(
        `Reading the pending events of the LMDB inbox failed; retrying: ${describeError(error).message}`,
      );
    }
  }

  private addPending(pending: PendingTask): void {
    this.add({ ...pending, pending });
  }

  private add(queued: QueuedTask): void {
    if (this.crashes.countFor(queued) > 0) {
      this.isolated.push(queued);
      this.updateQueue();
      return;
    }
    this.queue.add({ key: queued.pending?.conversation, queued });
  }

  private pullRetries(): void {
    if (this.retries.size <= MIN_RETRIES_IN_MEMORY) {
      const limit = RETRIES_PER_READ + this.unreadable.size;
      for (const { text, ...row } of this.store.retriesDue(limit)) {
        const name = row.key.join();
        if (this.retries.has(name) || this.unreadable.has(name)) continue;
        try {
          this.add({ ...row, task: restoreTask(text) });
          this.retries.add(name);
        } catch (error) {
          this.skip(row.key, error);
        }
      }
    }
    clearTimeout(this.retryTimer);
    const next = this.store.nextRetryInMs;
    if (next === undefined) return;
    this.retryTimer = setTimeout(
      () => this.pull(),
      Math.min(next, LONGEST_TIMER_MS),
    ).unref();
  }

  /** Opens the queue, unless an isolated task is next. */
  private updateQueue(): void {
    if (!this.isActive) return;
    if (this.isolated.length === 0) {
      this.queue.open();
      return;
    }
    this.queue.close();
    if (this.unrecordedCount === 0) void this.run(this.isolated[0]!);
  }

  private async run(queued: QueuedTask): Promise<void> {
    const crashes = this.crashes.countFor(queued);
    this.unrecordedCount++;
    if (crashes >= MAX_CRASHES) {
      void this.finish(queued, () => recordDeaths(queued.task, crashes), true);
      return;
    }
    if (crashes > 0) warnOfDeaths(queued.task, crashes, MAX_CRASHES);
    const isStartRecorded = await this.crashes.recordStart(queued);
    // The inbox may have stopped meanwhile: the next process runs the task.
    if (this.recorder.isStopped) return;
    this.runningCount++;
    const results = await this.runner.run(queued.task);
    this.runningCount--;
    void this.finish(
      queued,
      () => recordRun(queued.task, results),
      isStartRecorded,
    );
  }

  /** Records a run, announces its dead letters and starts the tasks that waited for it. */
  private async finish(
    queued: QueuedTask,
    createRecord: () => XeniooRunRecord,
    isStartRecorded: boolean,
  ): Promise<void> {
    const record = await this.recorder.record(
      queued,
      createRecord,
      isStartRecorded,
    );
    if (!record) return;
    const announced = record.deadLetters.map(({ letter, error }) =>
      this.runner.announce(letter, error),
    );
    this.startNext(queued);
    // @OnXeniooFailed handlers delay no other task; idle() and stop() wait for them.
    await Promise.all(announced);
    this.unrecordedCount--;
    this.updateQueue();
    this.schedulePull();
  }

  /** Starts the tasks that waited for one that is recorded now. */
  private startNext(queued: QueuedTask): void {
    if (this.isolated[0] === queued) this.isolated.shift();
    const { pending } = queued;
    if (pending) {
      this.readOrLog(() => {
        for (const next of this.backlog.loadAfter(pending)) {
          this.addPending(next);
        }
      });
    } else this.retries.delete(queued.key.join());
    this.updateQueue();
    this.schedulePull();
  }

  private skip(key: TaskKey, error: unknown): void {
    this.unreadable.add(key.join());
    this.logger.error(
      `Event ${key.join('-')} of the LMDB inbox can't be read and is skipped; it stays stored: ${describeError(error).message}`,
    );
  }
}
