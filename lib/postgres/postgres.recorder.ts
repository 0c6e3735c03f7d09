import { setTimeout as sleep } from 'node:timers/promises';
import type { XeniooEntry } from '../events/parse-entry.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';
import type { XeniooRunRecord } from '../inbox/record-run.js';
import { storeDeadLetter, storeTask } from '../inbox/stored-form.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { PostgresDatabase } from './postgres.database.js';
import { storable } from './postgres.values.js';

const RETRY_AFTER_MS = 500;

/** Time in milliseconds that a finished run waits for others to share its statement. */
const BATCH_DELAY_MS = 5;

/** Upper bound of the runs that one statement records. */
const MAX_BATCH = 1_000;
const MAX_BATCH_BYTES = 2 ** 22;

/** A task in its stored form, for its next attempt or to be read again. */
export interface StoredRetry {
  readonly handler: string | undefined;
  readonly dueAt: number;
  readonly body: string;
}

/** Result of a run, or release of a claimed conversation. */
export interface FinishedRun {
  readonly worker: string;
  /** Key of the conversation; absent for a retry. */
  readonly lane?: string;
  /** Random number of the claim of the conversation. */
  readonly claim?: string;
  /** Number of the next event of the conversation. */
  readonly head?: number;
  /** True if this process releases the conversation. */
  readonly isReleased?: boolean;
  /** Id of the retry; absent for a conversation. */
  readonly retry?: string;
  readonly retries: readonly StoredRetry[];
  readonly letters: readonly XeniooDeadLetter[];
}

/** Columns of a dead letter. */
interface LetterRow {
  readonly id: string;
  readonly body: string;
  readonly [column: string]: unknown;
}

interface Queued {
  readonly run: FinishedRun;
  /** Rows of its dead letters. */
  readonly letters: readonly LetterRow[];
  readonly bytes: number;
  readonly resolve: (letters: ReadonlySet<string> | undefined) => void;
}

/** Returns the retries of a record in their stored form. */
export function storedRetries({ retries }: XeniooRunRecord): StoredRetry[] {
  return retries.map(({ task, dueAt }) => ({
    handler: task.handler,
    dueAt,
    body: storeTask(task),
  }));
}

/** Records runs in the order in which they finish; runs that finish together share a statement. */
export class PostgresRecorder {
  private queue: Queued[] = [];
  private isWriting = false;
  private isAbandoned = false;

  constructor(private readonly database: PostgresDatabase) {}

  /**
   * Resolves to the ids of the dead letters that were stored, or to `undefined` if the
   * run was not recorded: another process has the task, or recording was abandoned.
   */
  record(run: FinishedRun): Promise<ReadonlySet<string> | undefined> {
    return new Promise(resolve => {
      const letters = run.letters.map(rowOf);
      const stored = [...run.retries, ...letters];
      const bytes = stored.reduce((sum, { body }) => sum + body.length, 0);
      this.queue.push({ run, letters, bytes, resolve });
      if (this.isWriting) return;
      this.isWriting = true;
      // No caller waits for the result, so runs that finish soon can share the statement.
      setTimeout(() => void this.writeAll(), BATCH_DELAY_MS);
    });
  }

  /** Stops recording: unrecorded runs are repeated by the next process that claims their tasks. */
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
          valuesOf(worker, batch),
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
        this.database.reportFailure(error, askedAt);
        await sleep(RETRY_AFTER_MS, undefined, { ref: false });
      }
    }
    for (const { resolve } of batch) resolve(undefined);
  }
}

function valuesOf(worker: string, batch: readonly Queued[]): unknown[] {
  const lanes = new Map<string, FinishedRun>();
  const letters = new Map<string, object>();
  const retries = new Map<string, object>();
  const now = Date.now();
  for (const { run, letters: rows } of batch) {
    const { lane, claim, retry } = run;
    if (lane !== undefined) lanes.set(`${lane}/${claim}`, run);
    const from =
      lane === undefined
        ? { source: retry }
        : { lane, claim, source: run.head! - 1 };
    for (const { handler, dueAt, body } of run.retries) {
      // A retry that was claimed twice, because the server lost a claim, is stored once.
      const key = [lane, claim, from.source, handler].join('/');
      const delay = Math.max(0, dueAt - now);
      retries.set(key, { ...from, handler, delay, body });
    }
    for (const row of rows) letters.set(row.id, { ...from, ...row });
  }
  const conversations = [...lanes.values()];
  return [
    worker,
    conversations.map(({ lane }) => lane),
    conversations.map(({ head }) => head),
    conversations.map(run => run.isReleased ?? false),
    batch.flatMap(({ run }) => run.retry ?? []),
    JSON.stringify([...retries.values()]),
    JSON.stringify([...letters.values()]),
    conversations.map(({ claim }) => claim),
  ];
}

function rowOf(letter: XeniooDeadLetter): LetterRow {
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
    error: storable(error?.message ?? reasonOf(entry)),
    at: deadLetteredAt.getTime(),
    body: storeDeadLetter(letter),
  };
}

/** Returns the reason of an invalid entry, for people who read the table. */
function reasonOf(entry: XeniooEntry): string | undefined {
  return isInvalidEntry(entry)
    ? `${entry.reason}: ${entry.errors.join('; ')}`
    : undefined;
}

function setOf(json: string | null | undefined): ReadonlySet<string> {
  return new Set(json == null ? [] : (JSON.parse(json) as string[]));
}
