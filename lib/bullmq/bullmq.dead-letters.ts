import { ErrorCode } from 'bullmq';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooDeadLetter } from '../inbox/dead-letter.js';
import { storeEntry } from '../inbox/stored-entry.js';
import {
  isMeant,
  LETTERS_A_PAGE,
  type XeniooDeadLetterQuery,
  type XeniooDeadLetterStore,
  type XeniooReplay,
} from '../inbox/xenioo.dead-letter-store.js';
import { XeniooDeadLetterError } from '../xenioo.errors.js';
import {
  entryOf,
  inState,
  isJobOf,
  stateOf,
  type JobReplay,
  type XeniooJob,
  type XeniooQueue,
} from './stored-job.js';

/** How many ids or jobs are read at a time. */
const IDS_AT_ONCE = 1_000;
const JOBS_AT_ONCE = 100;

/**
 * The dead letters are the jobs that failed: a dashboard shows them, and its
 * button "retry" replays one.
 */
export class BullmqDeadLetters implements XeniooDeadLetterStore {
  constructor(private readonly queue: () => Promise<XeniooQueue>) {}

  async get(id: string): Promise<XeniooDeadLetter | undefined> {
    return (await this.find(id))?.letter;
  }

  async list({
    limit = LETTERS_A_PAGE,
    after,
    ...filter
  }: XeniooDeadLetterQuery = {}): Promise<XeniooDeadLetter[]> {
    const queue = await this.queue();
    const page: XeniooDeadLetter[] = [];
    let from = after === undefined ? 0 : (await this.placeOf(after)) + 1;
    for (;;) {
      const to = from + JOBS_AT_ONCE - 1;
      const jobs = await queue.getJobs(['failed'], from, to, true);
      if (jobs.length === 0) return page;
      for (const job of jobs) {
        const letter = letterOf(job, { isFailed: true });
        if (!letter) continue;
        const handlers = letter.failures.map(({ handler }) => handler);
        if (!isMeant({ kind: letter.kind, handlers }, filter)) continue;
        if (page.push(letter) >= limit) return page;
      }
      from += JOBS_AT_ONCE;
    }
  }

  async replay(id: string, replay: XeniooReplay): Promise<boolean> {
    const { job, isFailed, letter } = (await this.find(id)) ?? {};
    if (!job || !letter) return false;
    if (!isFailed) {
      throw new XeniooDeadLetterError(
        `dead letter ${id} stays for now: its event is still being handled, or waits for that or for other handlers that are tried again`,
      );
    }
    // What is noted here counts from the moment in which the job is moved back.
    const noted: JobReplay =
      letter.kind === 'invalid'
        ? { entries: replay.entries.map(storeEntry) }
        : { ...(replay.handlers && { handlers: replay.handlers }) };
    return isDoneUnlessGone(async () => {
      await job.updateData(inState(job, { ...stateOf(job), replay: noted }));
      await job.retry('failed');
    });
  }

  async remove(id: string): Promise<boolean> {
    const { job, isFailed, letter } = (await this.find(id)) ?? {};
    if (!job || !isFailed || !letter) return false;
    return isDoneUnlessGone(() => job.remove());
  }

  private async find(id: string): Promise<
    | {
        readonly job: XeniooJob;
        readonly isFailed: boolean;
        readonly letter: XeniooDeadLetter | undefined;
      }
    | undefined
  > {
    const queue = await this.queue();
    const job = (await queue.getJob(id)) ?? (await this.twinOf(id));
    if (!job) return undefined;
    const isFailed = await job.isFailed();
    return { job, isFailed, letter: letterOf(job, { isFailed }) };
  }

  /** A job of the entry that has a longer id, if one has failed. */
  private async twinOf(id: string): Promise<XeniooJob | undefined> {
    const queue = await this.queue();
    for await (const { jobId } of this.failedIds()) {
      if (isJobOf(jobId, id)) return queue.getJob(jobId);
    }
    return undefined;
  }

  private async placeOf(id: string): Promise<number> {
    for await (const { jobId, place } of this.failedIds()) {
      if (isJobOf(jobId, id)) return place;
    }
    throw new XeniooDeadLetterError(`there is no dead letter ${id}`);
  }

  private async *failedIds(): AsyncGenerator<{ jobId: string; place: number }> {
    const queue = await this.queue();
    for (let from = 0; ; from += IDS_AT_ONCE) {
      const to = from + IDS_AT_ONCE - 1;
      const ids = await queue.getRanges(['failed'], from, to, true);
      for (const [index, jobId] of ids.entries()) {
        yield { jobId, place: from + index };
      }
      if (ids.length < IDS_AT_ONCE) return;
    }
  }
}

/** What a job has of a dead letter, if anything; nothing where somebody else put it into the queue. */
function letterOf(
  job: XeniooJob,
  state: { readonly isFailed: boolean },
): XeniooDeadLetter | undefined {
  try {
    return restoreLetter(job, state);
  } catch {
    return undefined;
  }
}

function restoreLetter(
  job: XeniooJob,
  { isFailed }: { readonly isFailed: boolean },
): XeniooDeadLetter | undefined {
  const entry = entryOf(job);
  const { failures, replay, deadLetteredAt } = stateOf(job);
  const letter = {
    id: entry.id,
    entry,
    deadLetteredAt: new Date(deadLetteredAt ?? job.timestamp),
  };
  if (entry instanceof InvalidXeniooEntry) {
    const isReplayed = replay !== undefined && !isFailed;
    return isReplayed
      ? undefined
      : { ...letter, kind: 'invalid', failures: [] };
  }
  if (isFailed) return { ...letter, kind: 'event', failures };
  const kept = replay
    ? failures.filter(({ handler }) => isKept(replay, handler))
    : failures;
  return kept.length > 0
    ? { ...letter, kind: 'event', failures: kept }
    : undefined;
}

/** Whether a failure stays in the dead letter when it is replayed. */
export function isKept({ handlers }: JobReplay, handler: string): boolean {
  return handlers !== undefined && !handlers.includes(handler);
}

/** Tells whether it was done; `false` where somebody else was quicker. */
async function isDoneUnlessGone(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** Whether a job is not there any more, or not where it was, or in the hands of another worker. */
export function isGone(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'number' && code in ErrorCode;
}
