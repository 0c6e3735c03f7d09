import { isInvalidEntry } from '../events/xenioo-event.table.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import { warnOfDeaths } from '../inbox/record-deaths.js';
import { isRetry, taskOf, type XeniooJob } from './bullmq.job.js';
import { BullmqRecorder, type ProcessorContext } from './bullmq.recorder.js';
import { returnUnlisted } from './unlisted-jobs.js';

/**
 * Number of crashes of the process during a task after which it is a suspect. Suspects run one at
 * a time in each process, so that a crash caused by one is not counted for another.
 */
const SUSPECT_AFTER_CRASHES = 3;
const SUSPECT_DELAY_MS = 1_000;

/** Number of crashes of its process that a task survives; one more makes it a dead letter. Larger than `MAX_DEATHS`, since BullMQ also counts locks that run out and the crashes caused by tasks that run beside. */
export const MAX_CRASHES = 10;

/** Runs the tasks of the jobs that the worker receives from the queue. */
export class BullmqProcessor {
  isPaused = false;
  private readonly runningJobs = new Map<XeniooJob, string>();
  private readonly recorder: BullmqRecorder;
  private isSuspectRunning = false;

  constructor(private readonly context: ProcessorContext) {
    this.recorder = new BullmqRecorder(context);
  }

  /** Number of jobs whose handlers are running in this process. */
  get running(): number {
    return this.runningJobs.size;
  }

  /** True when no job is running in this process and no dead letter is being announced. */
  get isIdle(): boolean {
    return this.runningJobs.size === 0 && this.recorder.isIdle;
  }

  /** Discards the results of the running jobs. */
  abandon(): void {
    this.recorder.stop();
  }

  /** Announces the dead letter of a failed job. */
  announce(job: XeniooJob): void {
    this.recorder.announce(job);
  }

  /** Returns the running jobs to the queue, over its own connection: that of the worker is closed. */
  async returnJobs(): Promise<void> {
    const { queue } = this.context;
    await Promise.allSettled(
      [...this.runningJobs].map(async ([{ id }, token]) => {
        const job = await queue.getJob(id!);
        await job
          ?.moveToWait(token)
          .catch(() => returnUnlisted(this.context, id!));
      }),
    );
  }

  /**
   * Processes one job; the worker calls it. BullMQ completes a job when it returns. It
   * throws `DelayedError` or `WaitingError` after it has moved the job itself.
   */
  readonly process = async (job: XeniooJob, token = ''): Promise<void> => {
    const isSuspect = job.stalledCounter >= SUSPECT_AFTER_CRASHES;
    try {
      if (this.isPaused || (isSuspect && this.isSuspectRunning)) {
        await this.putBack(job, token);
      }
      this.isSuspectRunning ||= isSuspect;
      this.runningJobs.set(job, token);
      try {
        await this.handle(job, token);
      } finally {
        this.runningJobs.delete(job);
        if (isSuspect) this.isSuspectRunning = false;
      }
    } catch (error) {
      // BullMQ must not change a job that was removed or is now run by another worker.
      if (!this.recorder.isGone(error)) throw error;
      throw new this.context.bullmq.DelayedError();
    }
  };

  /** Returns a job to the queue, because processing is paused or another suspect is running. */
  private async putBack(job: XeniooJob, token: string): Promise<never> {
    const { DelayedError, WaitingError } = this.context.bullmq;
    if (this.isPaused && !isRetry(job)) {
      await this.recorder.move(job, () => job.moveToWait(token));
      throw new WaitingError();
    }
    const at = Date.now() + (this.isPaused ? 1 : SUSPECT_DELAY_MS);
    await this.recorder.move(job, () => job.moveToDelayed(at, token));
    throw new DelayedError();
  }

  private async handle(job: XeniooJob, token: string): Promise<void> {
    const { tasks, failed } = job.data;
    const task = readTask(job);
    if (tasks) return this.recorder.addTasks(job, tasks);
    // A job with a stack has failed before: a dashboard retries it.
    if (failed && !job.stacktrace?.length) {
      const error = Object.assign(new Error(), failed);
      return this.recorder.fail(job, token, {
        error: this.recorder.takeError(job) ?? error,
      });
    }
    const { stalledCounter } = job;
    if (stalledCounter >= SUSPECT_AFTER_CRASHES) {
      warnOfDeaths(task, stalledCounter, MAX_CRASHES + 1);
    }
    const results = await this.context.runner.run(task);
    if (this.recorder.isStopped) throw new this.context.bullmq.DelayedError();
    if (isInvalidEntry(task.entry)) {
      const { reason, errors } = task.entry;
      const displayed = new Error(`${reason}: ${errors.join('; ')}`);
      return this.recorder.fail(job, token, { displayed });
    }
    if (task.handler === undefined)
      return this.recorder.addChildren(job, task, results);
    const [result] = results;
    if (!result || result.status === 'done') return;
    await this.recorder.recordAttempt(job, token, task, result);
  }
}

/** @throws {Error} whose message contains nothing of the job, since another program may have added it */
function readTask(job: XeniooJob): XeniooTask {
  try {
    return taskOf(job);
  } catch {
    throw new Error(
      'its data is not a task that this version of nestjs-xenioo can read',
    );
  }
}
