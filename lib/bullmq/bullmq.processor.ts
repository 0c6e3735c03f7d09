import { setTimeout as sleep } from 'node:timers/promises';
import type {
  XeniooHandlerResult,
  XeniooTask,
} from '../handlers/xenioo-task.js';
import { recordRun } from '../inbox/record-run.js';
import { restoreTask, storeTask } from '../inbox/stored-form.js';
import type { XeniooRunner } from '../inbox/xenioo.inbox.js';
import {
  addJobs,
  FailedRun,
  isRetry,
  JOBS_PER_COMMAND,
  letterOf,
  taskOf,
  type JobFactory,
  type NewJob,
  type XeniooJob,
  type XeniooQueue,
} from './bullmq.job.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

const RETRY_AFTER_MS = 1_000;

/**
 * From so many deaths of its process on a task runs alone, so that what it does to
 * the process is not counted against others.
 */
const ALONE_AFTER_DEATHS = 3;
const ALONE_AGAIN_AFTER_MS = 1_000;

/** Upper bound of the errors kept for jobs that have yet to fail. */
const MAX_KEPT_ERRORS = 1_000;

/** Parts of BullMQ, of the connection and of the inbox that the processor uses. */
export interface ProcessorContext {
  readonly queue: Pick<XeniooQueue, 'addBulk' | 'add' | 'getJob'>;
  readonly runner: XeniooRunner;
  readonly jobs: JobFactory;
  readonly bullmq: Pick<
    typeof import('bullmq'),
    'DelayedError' | 'WaitingError' | 'ErrorCode'
  >;
  reportFailure(error: unknown): void;
}

/** Runs the tasks of jobs, and turns the results into what BullMQ records. */
export class BullmqProcessor {
  isPaused = false;
  private readonly held = new Map<XeniooJob, string>();
  /** Errors of handlers in first runs, by the id of the job that has yet to fail. */
  private readonly errors = new Map<string, unknown>();
  private announcing = 0;
  private isAbandoned = false;
  private isAlone = false;

  constructor(private readonly context: ProcessorContext) {}

  /** The number of jobs whose tasks run here. */
  get running(): number {
    return this.held.size;
  }

  /** Answers whether nothing runs here, and no dead letter is being announced. */
  get isIdle(): boolean {
    return this.held.size + this.announcing === 0;
  }

  /** Discards the results of the jobs that still run. */
  abandon(): void {
    this.isAbandoned = true;
  }

  /** Gives the jobs that run back to the queue, on its own connection: that of the worker is closed. */
  async giveBack(): Promise<void> {
    const { queue } = this.context;
    await Promise.allSettled(
      [...this.held].map(async ([{ id }, token]) =>
        (await queue.getJob(id!))?.moveToWait(token),
      ),
    );
  }

  /** Announces the dead letter of a failed job. Whoever hears of it holds nothing back. */
  announce(job: XeniooJob, error?: unknown): void {
    const letter = letterOf(job);
    if (!letter) return;
    this.announcing++;
    void this.context.runner
      .announce(letter, error)
      .finally(() => this.announcing--);
  }

  /** The processor of the worker. A job that it returns from is completed; others it has moved itself. */
  readonly process = async (job: XeniooJob, token = ''): Promise<void> => {
    const mustBeAlone = job.stalledCounter >= ALONE_AFTER_DEATHS;
    try {
      await this.putBackUnlessFree(job, token, mustBeAlone);
    } catch (error) {
      throw this.withoutGone(error);
    }
    this.isAlone ||= mustBeAlone;
    this.held.set(job, token);
    try {
      await this.handle(job, token);
    } catch (error) {
      throw this.withoutGone(error);
    } finally {
      this.held.delete(job);
      if (mustBeAlone) this.isAlone = false;
    }
  };

  private async putBackUnlessFree(
    job: XeniooJob,
    token: string,
    mustBeAlone: boolean,
  ): Promise<void> {
    const { DelayedError, WaitingError } = this.context.bullmq;
    if (this.isPaused && !isRetry(job)) {
      await this.write(() => job.moveToWait(token));
      throw new WaitingError();
    }
    if (this.isPaused || (mustBeAlone && this.isAlone)) {
      const at = Date.now() + (this.isPaused ? 1 : ALONE_AGAIN_AFTER_MS);
      await this.write(() => job.moveToDelayed(at, token));
      throw new DelayedError();
    }
  }

  private async handle(job: XeniooJob, token: string): Promise<void> {
    const { tasks, failed } = job.data;
    const task = readTask(job);
    if (tasks) return this.addTasks(job, tasks);
    // One that a dashboard retries has failed before.
    if (failed && !job.stacktrace?.length) {
      const error = Object.assign(new Error(), failed);
      return this.fail(job, token, { error: this.takeError(job) ?? error });
    }
    const results = await this.context.runner.run(task);
    if (this.isAbandoned) throw new this.context.bullmq.DelayedError();
    if (isInvalidEntry(task.entry)) {
      const { reason, errors } = task.entry;
      const shown = new Error(`${reason}: ${errors.join('; ')}`);
      return this.fail(job, token, { shown });
    }
    if (task.handler === undefined) return this.addChildren(job, task, results);
    const [result] = results;
    if (!result || result.status === 'done') return;
    await this.recordAttempt(job, token, task, result);
  }

  /** Adds a job for each handler that failed, before the job itself is completed. */
  private async addChildren(
    job: XeniooJob,
    task: XeniooTask,
    results: readonly XeniooHandlerResult[],
  ): Promise<void> {
    const { jobs } = this.context;
    const { retries, deadLetters } = recordRun(task, results);
    const children = [
      ...retries.map(retry => jobs.ofRetry(job.id!, retry.task, retry.dueAt)),
      ...deadLetters.map(({ letter, error }) => {
        const { handler, attempts = 1 } = letter;
        const child = { ...task, handler, attempts };
        const failure = jobs.ofFailure(job.id!, child, error);
        this.keepError(failure.opts.jobId, error);
        return failure;
      }),
    ];
    await this.add(children);
  }

  /** Adds the tasks that a replayed entry became. */
  private async addTasks(
    job: XeniooJob,
    tasks: readonly string[],
  ): Promise<void> {
    const children = tasks.map((text, index) => {
      const task = restoreTask(text);
      // Its own for each letter: another job of the event may wait.
      const jobId = `${task.entry.id}~${job.id}.${index}`;
      return this.context.jobs.ofTask(task, { jobId });
    });
    await this.add(children);
  }

  private async add(children: readonly NewJob[]): Promise<void> {
    for (let from = 0; from < children.length; from += JOBS_PER_COMMAND) {
      const some = children.slice(from, from + JOBS_PER_COMMAND);
      await this.write(() => addJobs(this.context.queue, some));
    }
  }

  /** Records a handler's attempt that failed: BullMQ counts it, and waits or fails the job. */
  private async recordAttempt(
    job: XeniooJob,
    token: string,
    before: XeniooTask,
    result: Exclude<XeniooHandlerResult, { status: 'done' }>,
  ): Promise<void> {
    const isMissing =
      result.status === 'retry' && result.missingSince !== undefined;
    const missingSince = isMissing ? result.missingSince : undefined;
    // BullMQ counts this attempt, unless there was none.
    const counted = job.attemptsMade + (isMissing ? 0 : 1);
    const attempts = result.attempts - counted;
    if (
      attempts !== before.attempts - job.attemptsMade ||
      missingSince !== before.missingSince
    ) {
      const task = storeTask({ ...before, attempts, missingSince });
      await this.write(() => job.updateData({ task }));
    }
    if (isMissing) {
      await this.write(() => job.moveToDelayed(result.retryAt, token));
      throw new this.context.bullmq.DelayedError();
    }
    const { error } = result;
    const retryAt = result.status === 'retry' ? result.retryAt : undefined;
    await this.fail(job, token, { error, retryAt });
  }

  /** Moves the job to the failed ones and announces it; or to the delayed ones, where `retryAt` says when. */
  private async fail(
    job: XeniooJob,
    token: string,
    run: {
      /** Error of the handler. */
      readonly error?: unknown;
      /** For dashboards, where no handler threw. */
      readonly shown?: Error;
      readonly retryAt?: number | undefined;
    },
  ): Promise<never> {
    const { error, shown = error, retryAt } = run;
    const failed = new FailedRun(shown, retryAt);
    await this.write(() => job.moveToFailed(failed, token));
    if (retryAt === undefined) this.announce(job, error);
    // The job is moved: BullMQ has nothing left to do.
    throw new this.context.bullmq.DelayedError();
  }

  /** Repeats a command until Redis takes it. */
  private async write(command: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await command();
        return;
      } catch (error) {
        if (this.isGone(error)) throw error;
        this.context.reportFailure(error);
        await sleep(RETRY_AFTER_MS);
        if (this.isAbandoned) throw new this.context.bullmq.DelayedError();
      }
    }
  }

  /** Answers whether a job is not there any more, or in the hands of another worker. */
  private isGone(error: unknown): boolean {
    const { code } = error as { code?: unknown };
    return typeof code === 'number' && code in this.context.bullmq.ErrorCode;
  }

  /** Leaves a job alone that another worker has by now. */
  private withoutGone(error: unknown): unknown {
    return this.isGone(error) ? new this.context.bullmq.DelayedError() : error;
  }

  private keepError(jobId: string, error: unknown): void {
    this.errors.set(jobId, error);
    // Those that another process fails are never taken.
    if (this.errors.size <= MAX_KEPT_ERRORS) return;
    for (const oldest of this.errors.keys()) {
      this.errors.delete(oldest);
      return;
    }
  }

  private takeError(job: XeniooJob): unknown {
    const error = this.errors.get(job.id!);
    this.errors.delete(job.id!);
    return error;
  }
}

/** @throws {Error} that shows nothing of what is in a job of another program */
function readTask(job: XeniooJob): XeniooTask {
  try {
    return taskOf(job);
  } catch {
    throw new Error(
      'it holds no task that this version of nestjs-xenioo can read',
    );
  }
}
