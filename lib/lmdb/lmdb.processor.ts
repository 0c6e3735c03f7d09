import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../describe-error.js';
import type { GroupCommit } from '../inbox/group-commit.js';
import { KeyedTaskQueue } from '../inbox/keyed-task-queue.js';
import {
  deadLetterOf,
  recordRun,
  type XeniooRunRecord,
} from '../inbox/record-run.js';
import {
  restoreTask,
  storeDeadLetter,
  storeTask,
} from '../inbox/stored-form.js';
import type { XeniooRunner } from '../inbox/xenioo.inbox.js';
import { LONGEST_TIMER_MS } from '../options/range-problems.js';
import { LmdbBacklog, type PendingTask } from './lmdb.backlog.js';
import type { LmdbDeadLetters } from './lmdb.dead-letters.js';
import { MAX_DEATHS, type LmdbDeaths } from './lmdb.deaths.js';
import type { Batch, LmdbFolder } from './lmdb.folder.js';
import { bytesOf, type LmdbStore, type StoredTask } from './lmdb.store.js';
import type { TaskKey } from './lmdb.tables.js';

/** Retries that are read at a time, when no more than as many of the earlier ones are left. */
const RETRIES_AT_ONCE = 64;

/** Time in milliseconds after which what could not be recorded is written again. */
const RECORD_AGAIN_AFTER_MS = 1_000;

/** Time in milliseconds between two log lines about it. */
const REPORT_EVERY_MS = 60_000;

/** A task in memory. */
interface QueuedTask extends StoredTask {
  /** Absent for a retry. */
  readonly pending?: PendingTask;
}

/** Runs the tasks of a folder, and records the results. */
export class LmdbProcessor {
  private readonly logger = new Logger('Xenioo');
  private readonly queue: KeyedTaskQueue<{
    readonly key: string | undefined;
    readonly queued: QueuedTask;
  }>;
  private readonly backlog: LmdbBacklog;
  /** Retries in memory, by key. */
  private readonly retries = new Set<string>();
  /** Tasks during which the process died: each runs alone, before all others. */
  private readonly alone: QueuedTask[] = [];
  private retryTimer: NodeJS.Timeout | undefined;
  private pulling: NodeJS.Immediate | undefined;
  private isOpen = false;
  private isPaused = false;
  private isAbandoned = false;
  private hasFailedToRead = false;
  private runningCount = 0;
  private unrecordedCount = 0;
  private reportedAt = -Infinity;

  constructor(
    private readonly folder: LmdbFolder,
    private readonly store: LmdbStore,
    private readonly commit: GroupCommit<Batch>,
    private readonly letters: LmdbDeadLetters,
    private readonly deaths: LmdbDeaths,
    private readonly runner: XeniooRunner,
    concurrency: number,
  ) {
    this.queue = new KeyedTaskQueue(concurrency, ({ queued }) =>
      this.run(queued),
    );
    this.backlog = new LmdbBacklog(store, concurrency, (key, error) =>
      this.logUnreadable(key, error),
    );
  }

  /** Tasks whose handlers run now. */
  get running(): number {
    return this.runningCount;
  }

  /** Tasks that run, or have run and are not recorded yet. */
  get unrecorded(): number {
    return this.unrecordedCount;
  }

  /** True while it starts the tasks that come. */
  get isActive(): boolean {
    return this.isOpen && !this.isPaused;
  }

  start(): void {
    this.isOpen = true;
    this.update();
    this.pullSoon();
  }

  /** Starts nothing more; what runs goes on. */
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
    this.update();
    this.pullSoon();
  }

  /** Records nothing more: what runs will run again. */
  abandon(): void {
    this.isAbandoned = true;
  }

  /** Keeps a task that was just accepted here. */
  remember(...accepted: Parameters<LmdbBacklog['remember']>): void {
    if (this.isOpen) this.backlog.remember(...accepted);
  }

  /** Looks for tasks that can run, once for all calls in this turn of the event loop. */
  pullSoon(): void {
    this.pulling ??= setImmediate(() => this.pull());
  }

  private pull(): void {
    this.pulling = undefined;
    if (!this.isActive) return;
    this.read(() => {
      this.folder.refresh();
      for (const pending of this.backlog.load()) this.addPending(pending);
      this.pullRetries();
    });
  }

  /** A disk that fails to read must not end the process. */
  private read(work: () => void): void {
    try {
      work();
      this.hasFailedToRead = false;
    } catch (error) {
      if (this.hasFailedToRead) return;
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
    if (this.deaths.of(queued) > 0) {
      this.alone.push(queued);
      this.update();
      return;
    }
    this.queue.add({ key: queued.pending?.conversation, queued });
  }

  private pullRetries(): void {
    if (this.retries.size <= RETRIES_AT_ONCE) {
      for (const { text, ...row } of this.store.retriesDue(
        2 * RETRIES_AT_ONCE,
      )) {
        const name = row.key.join();
        if (this.retries.has(name)) continue;
        this.retries.add(name);
        try {
          this.add({ ...row, task: restoreTask(text) });
        } catch (error) {
          this.logUnreadable(row.key, error);
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

  /** Opens the queue, unless a task has to run alone: then that is next. */
  private update(): void {
    if (!this.isActive) return;
    if (this.alone.length === 0) {
      this.queue.open();
      return;
    }
    this.queue.close();
    if (this.unrecordedCount === 0) void this.run(this.alone[0]!);
  }

  private async run(queued: QueuedTask): Promise<void> {
    const deaths = this.deaths.of(queued);
    this.unrecordedCount++;
    if (deaths >= MAX_DEATHS) {
      void this.record(queued, () => recordDeaths(queued, deaths), true);
      return;
    }
    const isNoted = await this.deaths.noteStart(queued);
    // Stopping may not have waited for that: the next process runs the task.
    if (this.isAbandoned) return;
    this.runningCount++;
    const results = await this.runner.run(queued.task);
    this.runningCount--;
    void this.record(queued, () => recordRun(queued.task, results), isNoted);
  }

  /** Writes the results of a run, in one commit with removing the task. */
  private async record(
    queued: QueuedTask,
    recordOf: () => XeniooRunRecord,
    isNoted: boolean,
  ): Promise<void> {
    let record: XeniooRunRecord | undefined;
    while (!record) {
      if (this.isAbandoned) return;
      try {
        const made = recordOf();
        await this.write(queued, made, isNoted);
        record = made;
      } catch (error) {
        this.reportUnrecorded(error);
        await sleep(RECORD_AGAIN_AFTER_MS, undefined, { ref: false });
      }
    }
    const announced = record.deadLetters.map(({ letter, error }) =>
      this.runner.announce(letter, error),
    );
    this.release(queued);
    // Handlers that hear of dead letters hold nothing back; idle() and stop() wait for them.
    await Promise.all(announced);
    this.unrecordedCount--;
    this.update();
    this.pullSoon();
  }

  /** Makes way for what waits behind a task that is on record. */
  private release(queued: QueuedTask): void {
    if (this.alone[0] === queued) this.alone.shift();
    const { pending } = queued;
    if (pending) {
      this.read(() => {
        for (const next of this.backlog.loadAfter(pending)) {
          this.addPending(next);
        }
      });
    } else this.retries.delete(queued.key.join());
    this.update();
    this.pullSoon();
  }

  private async write(
    queued: QueuedTask,
    { retries, deadLetters }: XeniooRunRecord,
    isNoted: boolean,
  ): Promise<void> {
    const retryRows = retries.map(({ task, dueAt }) => ({
      dueAt,
      text: storeTask(task),
    }));
    const letterRows = deadLetters.map(({ letter }) => ({
      letter,
      text: storeDeadLetter(letter),
    }));
    const bytes = [...retryRows, ...letterRows].reduce(
      (sum, { text }) => sum + bytesOf(text),
      0,
    );
    const work = () => {
      for (const { dueAt, text } of retryRows) this.store.addRetry(dueAt, text);
      for (const { letter, text } of letterRows) this.letters.add(letter, text);
      // Last: should one of them throw, the task must stay.
      this.store.remove(queued);
      if (isNoted) this.deaths.forget(queued);
    };
    // Nobody waits for what only removes a row.
    if (bytes === 0) await this.commit.writeSoon(work);
    else await this.commit.write(work, { bytes });
  }

  private reportUnrecorded(error: unknown): void {
    const now = performance.now();
    if (now - this.reportedAt < REPORT_EVERY_MS) return;
    this.reportedAt = now;
    this.logger.error(
      `Recording the results of handlers in the LMDB inbox failed; retrying: ${describeError(error).message}`,
    );
  }

  private logUnreadable(key: TaskKey, error: unknown): void {
    this.logger.error(
      `Event ${key.join('-')} of the LMDB inbox can't be read, and stays there: ${describeError(error).message}`,
    );
  }
}

/** The record of a task that is not run any more. */
function recordDeaths(
  { task: { entry, handler, attempts } }: StoredTask,
  deaths: number,
): XeniooRunRecord {
  const error = new Error(
    `the process ended ${deaths} times while ${handler ?? 'the handlers of the event'} ran: look for a promise whose rejection nobody handles, for process.exit(), and for what uses up the memory`,
  );
  const failed =
    handler === undefined ? { error } : { handler, attempts, error };
  return {
    retries: [],
    deadLetters: [{ letter: deadLetterOf(entry, failed), error }],
  };
}
