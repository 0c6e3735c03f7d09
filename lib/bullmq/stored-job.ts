import type { Job, JobsOptions, Queue, Worker } from 'bullmq';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooProgress } from '../handlers/xenioo.dispatch.js';
import { dedupeId } from '../inbox/claims.js';
import type { XeniooDeadLetterFailure } from '../inbox/dead-letter.js';
import { restoreEntry, storeEntry } from '../inbox/stored-entry.js';

/**
 * What a job holds. Both are JSON as text: PostgreSQL's jsonb refuses some of
 * what JSON allows, such as `\u0000`, and keeps numbers otherwise than they came.
 */
export interface StoredJob {
  readonly entry: string;
  /** A {@link JobState}; absent where nothing has been attempted. */
  readonly state?: string;
}

export type XeniooJob = Job<StoredJob, void>;
export type XeniooQueue = Queue<StoredJob, void>;
export type XeniooWorker = Worker<StoredJob, void>;

/** How far a job is. */
export interface JobState {
  readonly progress?: XeniooProgress | undefined;
  /** Of handlers that gave up: a dead letter, at the latest when the job fails. */
  readonly failures: readonly XeniooDeadLetterFailure[];
  /** When the last of them was written, in milliseconds since 1970. */
  readonly deadLetteredAt?: number;
  /**
   * How often the job had failed when this was written. One that has failed more
   * often since was tried again by somebody, here or in a dashboard.
   */
  readonly timesFailed: number;
  /** How often a process had ended with it in hand when this was written. */
  readonly timesStalled?: number;
  /** What is to be done of a dead letter; all of it where this is absent. */
  readonly replay?: JobReplay;
}

export interface JobReplay {
  readonly handlers?: readonly string[];
  /** What an invalid entry turned out to be, as text. */
  readonly entries?: readonly string[];
}

/** A job as `addBulk()` takes it. */
export interface NewJob {
  readonly name: string;
  readonly data: StoredJob;
  readonly opts: JobsOptions & { readonly jobId: string };
}

/** Between the id of an event and what makes that of a job unique. */
const TWIN = '~';

/** What BullMQ is to do with jobs. */
export type JobKeeping = Pick<JobsOptions, 'removeOnFail'>;

/**
 * The job of an entry. Its id is that of the entry, so that people find it; where
 * a twin may wait beside it, `twin` tells them apart.
 */
export function jobOf(
  entry: XeniooEntry,
  keeping: JobKeeping,
  {
    ttlMs,
    twin,
  }: { ttlMs?: number | undefined; twin?: string | undefined } = {},
): NewJob {
  const { id } = entry;
  const claimed = ttlMs === undefined ? undefined : dedupeId(entry);
  return {
    name: entry instanceof InvalidXeniooEntry ? 'invalid' : entry.typeName,
    data: { entry: storeEntry(entry) },
    opts: {
      jobId: twin === undefined ? id : `${id}${TWIN}${twin}`,
      ...(claimed !== undefined && {
        deduplication: { id: claimed, ttl: ttlMs! },
      }),
      removeOnComplete: true,
      ...keeping,
    },
  };
}

/** Whether a job is that of an entry, or of a twin of it. */
export function isJobOf(jobId: string, entryId: string): boolean {
  return jobId === entryId || jobId.startsWith(`${entryId}${TWIN}`);
}

/**
 * The entry of a job.
 * @throws {Error} when somebody else put the job into the queue
 */
export function entryOf({ id, data }: XeniooJob): XeniooEntry {
  const entry = restoreEntry(data.entry);
  if (!isJobOf(String(id), entry.id)) throw new Error('not a job of ours');
  return entry;
}

export function stateOf({ data }: XeniooJob): JobState {
  return data.state === undefined
    ? { failures: [], timesFailed: 0 }
    : (JSON.parse(data.state) as JobState);
}

/** What the job is to hold in a state. */
export function inState({ data }: XeniooJob, state: JobState): StoredJob {
  return { entry: data.entry, state: JSON.stringify(state) };
}
