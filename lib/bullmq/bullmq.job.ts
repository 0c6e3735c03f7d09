import type { Job, JobsOptions, Queue, Worker } from 'bullmq';
import { describeError } from '../describe-error.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import { deadLetterOf } from '../inbox/record-run.js';
import { restoreTask, storeTask } from '../inbox/stored-form.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

/** Data of a job. Tasks are text, since BullMQ's JSON would change numbers such as `-0`. */
export interface JobData {
  /** Stored form of the task, from `storeTask()`. Its attempts are those before the first attempt of this job. */
  readonly task: string;
  /** Error of a handler that failed for good in the first run. The job fails as soon as a worker receives it. */
  readonly failed?: { readonly message: string; readonly stack: string };
  /** Tasks to add instead of running this one, when an invalid entry is replayed. */
  readonly tasks?: readonly string[];
}

export type XeniooJob = Job<JobData, void>;
export type XeniooQueue = Queue<JobData, void>;
export type XeniooWorker = Worker<JobData, void>;

/** Arguments of `addBulk()` for one job. */
export interface NewJob {
  readonly name: string;
  readonly data: JobData;
  readonly opts: JobsOptions & { readonly jobId: string };
}

/** Backoff type whose delay the worker's `backoffStrategy` calculates. */
export const BACKOFF = 'xenioo';

/** Attempts that BullMQ allows: more than any handler has, since the runner decides which attempt is the last. */
const ATTEMPTS = 10_000;

/** Upper bound of the jobs added in one transaction. */
export const JOBS_PER_COMMAND = 500;

/** Replaces a missing stack; otherwise BullMQ would keep that of an earlier attempt. */
const NO_STACK = '(no stack)';

/** Creates the jobs of an inbox. */
export class JobFactory {
  private readonly options: JobsOptions;

  constructor(deadLetterRetentionDays: number) {
    this.options = {
      removeOnComplete: true,
      removeOnFail: { age: deadLetterRetentionDays * 86_400 },
      stackTraceLimit: 1,
    };
  }

  /** Creates the job of a first run. */
  ofTask(task: XeniooTask, opts: NewJob['opts']): NewJob {
    return {
      name: nameOf(task.entry),
      data: { task: storeTask(task) },
      opts: { ...this.options, ...opts },
    };
  }

  /** Creates the job of a handler's next attempt. */
  ofRetry(parentId: string, task: XeniooTask, dueAt: number): NewJob {
    // A job without a delay would be counted as pending, not as a retry.
    const delay = Math.max(1, dueAt - Date.now());
    return this.ofHandler(parentId, task, { task: storeTask(task) }, { delay });
  }

  /** Creates the job of a handler that failed for good. The job fails as soon as a worker receives it. */
  ofFailure(parentId: string, task: XeniooTask, error: unknown): NewJob {
    const { message, stack } = new FailedRun(error);
    // The job's failure counts as one attempt.
    const previous = { ...task, attempts: task.attempts - 1 };
    return this.ofHandler(
      parentId,
      task,
      { task: storeTask(previous), failed: { message, stack } },
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
        // Derived from the parent, so that a run repeated after a crash adds no second job.
        jobId: jobIdOf(`${parentId}.${handler}`),
        attempts: ATTEMPTS,
        backoff: { type: BACKOFF },
      },
    };
  }
}

/** Returns true for the job of one handler, false for that of a first run. */
export function isRetry({ opts }: XeniooJob): boolean {
  return opts.backoff !== undefined;
}

/** Error with which BullMQ fails a job, or delays it until `retryAt`. */
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

/** Adds jobs in one transaction; a single job with `add()`, which costs half as much. */
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
 * Returns the task of a job, with all attempts of its handler.
 * @throws {Error} when another program, or another version of this module, has added the job
 */
export function taskOf({ data, attemptsMade }: XeniooJob): XeniooTask {
  const task = restoreTask(data.task);
  if (task.handler === undefined) return task;
  return { ...task, attempts: task.attempts + attemptsMade };
}

/**
 * Returns the dead letter of a failed job; undefined if the job is not from this module.
 * @param onUnreadable receives the reason why it returns undefined
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
