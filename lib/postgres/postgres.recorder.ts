import { setTimeout as sleep } from 'node:timers/promises';
import type { XeniooRunRecord } from '../inbox/record-run.js';
import { storeDeadLetter, storeTask } from '../inbox/stored-form.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { PostgresDatabase } from './postgres.database.js';
import { storable } from './postgres.values.js';

const RECORD_AGAIN_AFTER_MS = 500;

/** Time in milliseconds for which a run that has ended lets others join its statement. */
const LINGER_MS = 5;

/** Runs that are recorded by one statement. */
const MAX_BATCH = 1_000;
const MAX_BATCH_BYTES = 2 ** 22;

/** Text of a task for its next attempt, or for a later look at one that can't be read. */
export interface StoredRetry {
  readonly handler: string | undefined;
  readonly dueAt: number;
  readonly body: string;
}

/** The end of a run, or of a conversation in the hand of this process. */
export interface FinishedRun {
  readonly worker: string;
  /** Of a first run: the conversation, and the number of the next event in it. */
  readonly lane?: string;
  readonly claim?: string;
  readonly head?: number;
  /** True when this process lets the conversation go. */
  readonly ends?: boolean;
  /** Of a retry: its id. */
  readonly retry?: string;
  readonly retries: readonly StoredRetry[];
  readonly letters: readonly XeniooDeadLetter[];
}

interface Queued {
  readonly run: FinishedRun;
  readonly bytes: number;
  readonly resolve: (letters: ReadonlySet<string> | undefined) => void;
}

/** Returns the retries of a record as they are stored. */
export function storedRetries({ retries }: XeniooRunRecord): StoredRetry[] {
  return retries.map(({ task, dueAt }) => ({
    handler: task.handler,
    dueAt,
    body: storeTask(task),
  }));
}

/** Records runs in the order in which they ended; those that end together share a statement. */
export class PostgresRecorder {
  private queue: Queued[] = [];
  private isWriting = false;
  private isAbandoned = false;

  constructor(private readonly database: PostgresDatabase) {}

  /**
   * Resolves with the ids of the dead letters that were stored; with nothing where
   * nothing was recorded, because the task is in other hands or recording was abandoned.
   */
  record(run: FinishedRun): Promise<ReadonlySet<string> | undefined> {
    return new Promise(resolve => {
      const bytes = run.retries.reduce((sum, { body }) => sum + body.length, 0);
      this.queue.push({ run, bytes, resolve });
      if (this.isWriting) return;
      this.isWriting = true;
      // Nobody waits for it: those that end soon join it.
      setTimeout(() => void this.writeAll(), LINGER_MS);
    });
  }

  /** Records nothing more: what has run will run again. */
  abandon(): void {
    this.isAbandoned = true;
  }

  private async writeAll(): Promise<void> {
    while (this.queue.length > 0) {
      const { worker } = this.queue[0]!.run;
      let bytes = 0;
      let size = 0;
      while (
        size < Math.min(this.queue.length, MAX_BATCH) &&
        this.queue[size]!.run.worker === worker &&
        (size === 0 || bytes < MAX_BATCH_BYTES)
      ) {
        bytes += this.queue[size++]!.bytes;
      }
      await this.write(worker, this.queue.splice(0, size));
    }
    this.isWriting = false;
  }

  private async write(worker: string, batch: readonly Queued[]): Promise<void> {
    while (!this.isAbandoned) {
      const askedAt = performance.now();
      try {
        const [row] = await this.database.query(
          'record',
          valuesOf(
            worker,
            batch.map(({ run }) => run),
          ),
        );
        this.database.reportRecovery(askedAt);
        const lanes = setOf(row!['lanes']);
        const retries = setOf(row!['retries']);
        const letters = setOf(row!['letters']);
        for (const { run, resolve } of batch) {
          const isRecorded =
            run.lane === undefined
              ? retries.has(run.retry!)
              : lanes.has(`${run.lane}/${run.claim}`);
          resolve(isRecorded ? letters : undefined);
        }
        return;
      } catch (error) {
        this.database.reportFailure(error);
        await sleep(RECORD_AGAIN_AFTER_MS, undefined, { ref: false });
      }
    }
    for (const { resolve } of batch) resolve(undefined);
  }
}

function valuesOf(worker: string, runs: readonly FinishedRun[]): unknown[] {
  const lanes = new Map<string, FinishedRun>();
  const letters = new Map<string, object>();
  const retries = new Map<string, object>();
  const now = Date.now();
  for (const run of runs) {
    const { lane, claim, retry } = run;
    if (lane !== undefined) lanes.set(`${lane}/${claim}`, run);
    const from =
      lane === undefined
        ? { source: retry }
        : { lane, claim, source: run.head! - 1 };
    for (const { handler, dueAt, body } of run.retries) {
      // A retry that was claimed twice, because the server forgot a claim, goes on once.
      const key = [lane, claim, from.source, handler].join('/');
      const delay = Math.max(0, dueAt - now);
      retries.set(key, { ...from, handler, delay, body });
    }
    for (const letter of run.letters) {
      letters.set(letter.id, { ...from, ...rowOf(letter) });
    }
  }
  const ends = [...lanes.values()];
  return [
    worker,
    ends.map(({ lane }) => lane),
    ends.map(({ head }) => head),
    ends.map(run => run.ends ?? false),
    runs.flatMap(({ retry }) => retry ?? []),
    JSON.stringify([...retries.values()]),
    JSON.stringify([...letters.values()]),
    ends.map(({ claim }) => claim),
  ];
}

function rowOf(letter: XeniooDeadLetter): object {
  const { id, kind, handler, entry, attempts, error, deadLetteredAt } = letter;
  return {
    id,
    kind,
    handler,
    event_id: storable(entry.id),
    bot: storable(entry.bot),
    conversation_id: storable(
      'conversationId' in entry ? entry.conversationId : undefined,
    ),
    attempts,
    error: storable(error?.message),
    at: deadLetteredAt.getTime(),
    body: storeDeadLetter(letter),
  };
}

function setOf(json: string | null | undefined): ReadonlySet<string> {
  return new Set(json == null ? [] : (JSON.parse(json) as string[]));
}
