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
  JOBS_PER_COMMAND,
  letterOf,
  type JobFactory,
  type NewJob,
  type XeniooJob,
  type XeniooQueue,
} from './bullmq.job.js';
import type { OpenQueue } from './bullmq.connection.js';
import { removeUnlisted, returnUnlisted } from './unlisted-jobs.js';

const RETRY_DELAY_MS = 1_000;

/** Upper bound of the errors kept for jobs that are yet to fail. */
const MAX_KEPT_ERRORS = 1_000;

/** Parts of BullMQ, of the connection and of the inbox that processing uses. */
export interface ProcessorContext {
  readonly queue: XeniooQueue;
  readonly client: OpenQueue['client'];
  readonly runner: XeniooRunner;
  readonly jobs: JobFactory;
  readonly bullmq: Pick<
    typeof import('bullmq'),
    'DelayedError' | 'WaitingError' | 'ErrorCode'
  >;
  reportFailure(error: unknown): void;
}

/** Records the results of handler runs as jobs: adds new ones for retries and dead letters, or moves the job itself. */
export class BullmqRecorder {
  /** Errors of handlers in first runs, by the id of the job that is yet to fail. */
  private readonly errors = new Map<string, unknown>();
  private announcing = 0;
  private hasStopped = false;

  constructor(private readonly context: ProcessorContext) {}

  /** True when no dead letter is being announced. */
  get isIdle(): boolean {
    return this.announcing === 0;
  }

  /** True once `stop()` was called. */
  get isStopped(): boolean {
    return this.hasStopped;
  }

  /** Discards later results and stops repeating commands. */
  stop(): void {
    this.hasStopped = true;
  }

  /** Announces the dead letter of a failed job; does not wait for `@OnXeniooFailed` handlers. */
  announce(job: XeniooJob, error?: unknown): void {
    const letter = letterOf(job);
    if (!letter) return;
    this.announcing++;
    void this.context.runner
      .announce(letter, error)
      .finally(() => this.announcing--);
  }

  /** Adds a job for each handler that failed in a first run. */
  async addChildren(
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

  /** Adds a job for each event of an invalid entry that is replayed. */
  async addTasks(job: XeniooJob, tasks: readonly string[]): Promise<void> {
    const children = tasks.map((text, index) => {
      const task = restoreTask(text);
      // Contains the id of the letter, since another job of the event may be waiting.
      const jobId = `${task.entry.id}~${job.id}.${index}`;
      return this.context.jobs.ofTask(task, { jobId });
    });
    await this.add(children);
  }

  private async add(children: readonly NewJob[]): Promise<void> {
    for (let from = 0; from < children.length; from += JOBS_PER_COMMAND) {
      const batch = children.slice(from, from + JOBS_PER_COMMAND);
      const ids = batch.map(({ opts }) => opts.jobId);
      await this.write(
        () => addJobs(this.context.queue, batch),
        () => removeUnlisted(this.context, ids),
      );
    }
  }

  /** Records a failed attempt of a retry, or that its handler is missing. */
  async recordAttempt(
    job: XeniooJob,
    token: string,
    before: XeniooTask,
    result: Exclude<XeniooHandlerResult, { status: 'done' }>,
  ): Promise<void> {
    const isMissing =
      result.status === 'retry' && result.missingSince !== undefined;
    const missingSince = isMissing ? result.missingSince : undefined;
    // The task stores only the attempts that BullMQ does not count. BullMQ counts this one, unless the handler is missing.
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
      await this.move(job, () => job.moveToDelayed(result.retryAt, token));
      throw new this.context.bullmq.DelayedError();
    }
    const { error } = result;
    const retryAt = result.status === 'retry' ? result.retryAt : undefined;
    await this.fail(job, token, { error, retryAt });
  }

  /** Moves the job to the delayed ones if `retryAt` is given; otherwise to the failed ones, and announces it. */
  async fail(
    job: XeniooJob,
    token: string,
    run: {
      /** Error of the handler. */
      readonly error?: unknown;
      /** Error for dashboards, when no handler threw one. */
      readonly displayed?: Error;
      readonly retryAt?: number | undefined;
    },
  ): Promise<never> {
    const { error, displayed = error, retryAt } = run;
    const failed = new FailedRun(displayed, retryAt);
    await this.move(job, () => job.moveToFailed(failed, token));
    if (retryAt === undefined) this.announce(job, error);
    // Shows BullMQ that the job has been moved.
    throw new this.context.bullmq.DelayedError();
  }

  /** Moves a running job to another list of the queue. */
  async move(job: XeniooJob, command: () => Promise<unknown>): Promise<void> {
    await this.write(command, () => returnUnlisted(this.context, job.id!));
  }

  /** Repeats a command until Redis accepts it; reverts the part that Redis has executed before each repetition. */
  private async write(
    command: () => Promise<unknown>,
    revert: () => Promise<void> = async () => {},
  ): Promise<void> {
    for (let hasFailed = false; ; hasFailed = true) {
      try {
        if (hasFailed) await revert();
        await command();
        return;
      } catch (error) {
        if (this.isGone(error)) throw error;
        this.context.reportFailure(error);
        await sleep(RETRY_DELAY_MS);
        if (this.hasStopped) throw new this.context.bullmq.DelayedError();
      }
    }
  }

  /** Returns true for an error that says that a job was removed or is with another worker now. */
  isGone(error: unknown): boolean {
    const { code } = error as { code?: unknown };
    return typeof code === 'number' && code in this.context.bullmq.ErrorCode;
  }

  private keepError(jobId: string, error: unknown): void {
    this.errors.set(jobId, error);
    // Errors of jobs that another process runs are never read here.
    if (this.errors.size <= MAX_KEPT_ERRORS) return;
    for (const oldest of this.errors.keys()) {
      this.errors.delete(oldest);
      return;
    }
  }

  /** Returns the error that a handler threw in a first run, once. */
  takeError(job: XeniooJob): unknown {
    const error = this.errors.get(job.id!);
    this.errors.delete(job.id!);
    return error;
  }
}
