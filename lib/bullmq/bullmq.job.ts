import type { Job, JobsOptions, Queue, Worker } from 'bullmq';
import { describeError } from '../describe-error.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import { deadLetterOf } from '../inbox/record-run.js';
import { restoreTask, storeTask } from '../inbox/stored-form.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

/** Data of a job. Tasks are text: JSON of BullMQ would spoil numbers such as `-0`. */
export interface JobData {
  /** The task, as `storeTask()` makes it. Its attempts are those before the job's own. */
  readonly task: string;
  /** Why the handler failed for good in the first run: the job fails when it is taken up for the first time. */
  readonly failed?: { readonly message: string; readonly stack: string };
  /** Tasks to add in place of the job: of an invalid entry that is replayed. */
  readonly tasks?: readonly string[];
}

export type XeniooJob = Job<JobData, void>;
export type XeniooQueue = Queue<JobData, void>;
export type XeniooWorker = Worker<JobData, void>;

/** A job as `addBulk()` takes it. */
export interface NewJob {
  readonly name: string;
  readonly data: JobData;
  readonly opts: JobsOptions & { readonly jobId: string };
}

/** The type of the backoff that the worker's `backoffStrategy` calculates. */
export const BACKOFF = 'xenioo';

/** More than any handler may have: the runner decides which attempt is the last one. */
const ATTEMPTS = 10_000;

/** Redis adds so many jobs at most in one transaction. */
export const JOBS_PER_COMMAND = 500;

/** Stands for the stack of what was thrown without one: BullMQ keeps that of an earlier attempt otherwise. */
const NO_STACK = '(no stack)';

/** Makes the jobs of one inbox. */
export class JobFactory {
  private readonly options: JobsOptions;

  constructor(deadLetterRetentionDays: number) {
    this.options = {
      removeOnComplete: true,
      removeOnFail: { age: deadLetterRetentionDays * 86_400 },
      stackTraceLimit: 1,
    };
  }

  /** Makes the job of a first run. */
  ofTask(task: XeniooTask, opts: NewJob['opts']): NewJob {
    return {
      name: nameOf(task.entry),
      data: { task: storeTask(task) },
      opts: { ...this.options, ...opts },
    };
  }

  /** Makes the job of a handler that is to run again. */
  ofRetry(parentId: string, task: XeniooTask, dueAt: number): NewJob {
    // Without a delay it would be counted as pending.
    const delay = Math.max(1, dueAt - Date.now());
    return this.ofHandler(parentId, task, { task: storeTask(task) }, { delay });
  }

  /** Makes the job of a handler that failed for good: it becomes a failed job as soon as a worker takes it up. */
  ofFailure(parentId: string, task: XeniooTask, error: unknown): NewJob {
    const { message, stack } = new FailedRun(error);
    // Failing counts as an attempt of the job.
    const before = { ...task, attempts: task.attempts - 1 };
    return this.ofHandler(
      parentId,
      task,
      { task: storeTask(before), failed: { message, stack } },
      { lifo: true },
    );
  }

  private ofHandler(
    parentId: string,
    { entry, handler }: XeniooTask,
    data: JobData,
    opts: JobsOptions,
  ): NewJob {
    return {
      name: nameOf(entry),
      data,
      opts: {
        ...this.options,
        ...opts,
        // The same each time: a run that is repeated after a crash adds no other.
        jobId: jobIdOf(`${parentId}.${handler}`),
        attempts: ATTEMPTS,
        backoff: { type: BACKOFF },
      },
    };
  }
}

/** Answers whether a job is that of one handler. */
export function isRetry({ opts }: XeniooJob): boolean {
  return opts.backoff !== undefined;
}

/** A run that BullMQ is to record as failed, or to repeat where `retryAt` says when. */
export class FailedRun extends Error {
  override stack: string;

  constructor(
    error: unknown,
    readonly retryAt?: number,
  ) {
    const { message, stack } = describeError(error);
    super(message);
    this.stack = stack || NO_STACK;
  }
}

/** Adds jobs in one transaction. One that is added alone costs half as much. */
export async function addJobs(
  queue: Pick<XeniooQueue, 'add' | 'addBulk'>,
  jobs: readonly NewJob[],
): Promise<void> {
  if (jobs.length > 1) {
    await queue.addBulk([...jobs]);
    return;
  }
  for (const { name, data, opts } of jobs) await queue.add(name, data, opts);
}

/** Returns the id of the job of a dead letter; BullMQ allows no colon in it. */
export function jobIdOf(letterId: string): string {
  return letterId.replaceAll(':', '%3A');
}

/**
 * Returns the task of a job, with all attempts that its handler had.
 * @throws {Error} when another program has added the job, or another version of this module
 */
export function taskOf({ data, attemptsMade }: XeniooJob): XeniooTask {
  const task = restoreTask(data.task);
  if (task.handler === undefined) return task;
  return { ...task, attempts: task.attempts + attemptsMade };
}

/**
 * Returns the dead letter that a failed job is; nothing where the job is not of this module.
 * @param onUnreadable called with the reason where it returns nothing
 */
export function letterOf(
  job: XeniooJob,
  onUnreadable?: (error: unknown) => void,
): XeniooDeadLetter | undefined {
  let task: XeniooTask;
  try {
    task = taskOf(job);
  } catch (error) {
    onUnreadable?.(error);
    return undefined;
  }
  const { entry, handler, attempts } = task;
  const letter: XeniooDeadLetter = {
    ...deadLetterOf(entry, handler === undefined ? {} : { handler, attempts }),
    id: String(job.id).replaceAll('%3A', ':'),
    deadLetteredAt: new Date(job.finishedOn ?? job.timestamp),
  };
  return letter.kind === 'invalid'
    ? letter
    : { ...letter, error: errorOf(job) };
}

function errorOf(job: XeniooJob): NonNullable<XeniooDeadLetter['error']> {
  const stack = job.stacktrace?.at(-1);
  return {
    message: job.failedReason,
    ...(stack !== undefined && stack !== NO_STACK && { stack }),
  };
}

function nameOf(entry: XeniooEntry): string {
  return isInvalidEntry(entry) ? 'invalid' : entry.typeName;
}
