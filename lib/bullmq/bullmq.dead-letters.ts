import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import { storeTask } from '../inbox/stored-form.js';
import {
  LETTERS_PER_PAGE,
  matchesFilter,
  type XeniooDeadLetterQuery,
  type XeniooDeadLetterStore,
} from '../inbox/xenioo.dead-letter-store.js';
import { XeniooDeadLetterError } from '../xenioo.errors.js';
import type { OpenQueue } from './bullmq.connection.js';
import {
  jobIdOf,
  letterOf,
  type JobData,
  type XeniooJob,
} from './bullmq.job.js';
import { returnToFailed } from './unlisted-jobs.js';

const JOBS_PER_PAGE = 100;

/** Removes a job if it is failed. `Job.remove()` would also remove one that is replayed meanwhile. */
const REMOVE_FAILED = `
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
return redis.call('DEL', KEYS[2])`;

/** Dead letters, stored as the failed jobs of the queue. A dashboard shows them; its Retry gives one more attempt. */
export class BullmqDeadLetters implements XeniooDeadLetterStore {
  private readonly logger = new Logger('Xenioo');

  constructor(private readonly open: () => Promise<OpenQueue>) {}

  async get(id: string): Promise<XeniooDeadLetter | undefined> {
    return (await this.find(id))?.letter;
  }

  async list({
    limit = LETTERS_PER_PAGE,
    after,
    ...filter
  }: XeniooDeadLetterQuery = {}): Promise<XeniooDeadLetter[]> {
    const { queue } = await this.open();
    const page: XeniooDeadLetter[] = [];
    let from = after === undefined ? 0 : (await this.rankOf(after)) + 1;
    for (;;) {
      const to = from + JOBS_PER_PAGE - 1;
      // A job that was removed meanwhile is undefined.
      const jobs: (XeniooJob | undefined)[] = await queue.getJobs(
        ['failed'],
        from,
        to,
        true,
      );
      for (const job of jobs) {
        const letter =
          job && letterOf(job, error => this.warnUnreadable(job, error));
        if (!letter || !matchesFilter(letter, filter)) continue;
        if (page.push(letter) >= limit) return page;
      }
      if (jobs.length === 0) return page;
      from += JOBS_PER_PAGE;
    }
  }

  /** Retries the job of a letter with its new task; several tasks become jobs once a worker takes it. */
  async replay(id: string, tasks: readonly XeniooTask[]): Promise<boolean> {
    const { job, letter } = (await this.find(id)) ?? {};
    if (!job || !letter) return false;
    const [task] = tasks;
    if (!task) return this.remove(id);
    const data: JobData =
      letter.kind === 'event'
        ? { task: storeTask(task) }
        : { task: job.data.task, tasks: tasks.map(storeTask) };
    const { failedReason, finishedOn, attemptsMade } = job;
    const before = { failedReason, finishedOn, attemptsMade };
    const open = await this.open();
    const { client, queue } = open;
    try {
      await job.updateData(data);
      // The number of times that the process crashed during the task.
      await client.hdel(queue.toKey(job.id!), 'stc');
      await job.retry('failed', { resetAttemptsMade: true });
      return true;
    } catch (error) {
      // Another call was faster: the job is removed, or not failed any more.
      if (typeof (error as { code?: unknown }).code === 'number') return false;
      await returnToFailed(open, job.id!, before).catch(() => {});
      throw error;
    }
  }

  async remove(id: string): Promise<boolean> {
    const { job } = (await this.find(id)) ?? {};
    if (!job) return false;
    const { client, queue } = await this.open();
    const [failedKey, jobKey] = [queue.toKey('failed'), queue.toKey(job.id!)];
    const removed = await client.eval(
      REMOVE_FAILED,
      2,
      failedKey,
      jobKey,
      job.id!,
    );
    return removed === 1;
  }

  /** Returns the failed job of a letter, if there is one. */
  private async find(
    id: string,
  ): Promise<{ job: XeniooJob; letter: XeniooDeadLetter } | undefined> {
    const { queue } = await this.open();
    const job = await queue.getJob(jobIdOf(id));
    if (!job || !(await job.isFailed())) return undefined;
    const letter = letterOf(job);
    return letter && { job, letter };
  }

  private warnUnreadable({ id }: XeniooJob, error: unknown): void {
    this.logger.warn(
      `The dead letter ${id} can't be read and is not listed: ${describeError(error).message}`,
    );
  }

  private async rankOf(id: string): Promise<number> {
    const { client, queue } = await this.open();
    const rank = await client.zrank(queue.toKey('failed'), jobIdOf(id));
    if (rank !== null) return rank;
    throw new XeniooDeadLetterError(`there is no dead letter ${id}`);
  }
}
