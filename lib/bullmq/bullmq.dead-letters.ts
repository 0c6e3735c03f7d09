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

const JOBS_PER_PAGE = 100;

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
    return isDoneUnlessGone(async () => {
      await job.updateData(data);
      await job.retry('failed', { resetAttemptsMade: true });
    });
  }

  async remove(id: string): Promise<boolean> {
    const { job } = (await this.find(id)) ?? {};
    return job !== undefined && isDoneUnlessGone(() => job.remove());
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

/** Resolves to false if another process was faster: the job is removed, not failed any more, or locked by a worker. */
async function isDoneUnlessGone(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    const isLocked = /locked by another worker/.test(String(message));
    if (typeof code === 'number' || isLocked) return false;
    throw error;
  }
}
