import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../describe-error.js';
import type { GroupCommit } from '../inbox/group-commit.js';
import type { XeniooRunRecord } from '../inbox/record-run.js';
import { storeDeadLetter, storeTask } from '../inbox/stored-form.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { LmdbCrashCounter } from './lmdb.crash-counter.js';
import type { LmdbDeadLetters } from './lmdb.dead-letters.js';
import type { Batch } from './lmdb.batch.js';
import { bytesOf, type LmdbStore, type StoredTask } from './lmdb.store.js';

/** Time in milliseconds after which a failed write is repeated. */
const RETRY_DELAY_MS = 1_000;

/** Time in milliseconds between two log lines about failed writes. */
const LOG_INTERVAL_MS = 60_000;

/** Writes the results of handler runs. */
export class LmdbRecorder {
  private readonly logger = new Logger('Xenioo');
  private hasStopped = false;
  private loggedAt = -Infinity;

  constructor(
    private readonly store: LmdbStore,
    private readonly commit: GroupCommit<Batch>,
    private readonly letters: LmdbDeadLetters,
    private readonly crashes: LmdbCrashCounter,
  ) {}

  /** True once `stop()` was called. */
  get isStopped(): boolean {
    return this.hasStopped;
  }

  /** Stops retrying; tasks without a record run again after the next start. */
  stop(): void {
    this.hasStopped = true;
  }

  /**
   * Writes the record of a run and removes the task, in one commit. Retries until
   * that succeeds.
   * @returns undefined when `stop()` was called before
   */
  async record(
    stored: StoredTask,
    createRecord: () => XeniooRunRecord,
    isStartRecorded: boolean,
  ): Promise<XeniooRunRecord | undefined> {
    while (!this.isStopped) {
      try {
        const record = createRecord();
        await this.write(stored, record, isStartRecorded);
        return record;
      } catch (error) {
        this.logFailure(error);
        await sleep(RETRY_DELAY_MS, undefined, { ref: false });
      }
    }
    return undefined;
  }

  private async write(
    stored: StoredTask,
    { retries, deadLetters }: XeniooRunRecord,
    isStartRecorded: boolean,
  ): Promise<void> {
    const retryRows = retries.map(({ task, dueAt }) => ({
      dueAt,
      text: storeTask(task),
    }));
    const letterRows = deadLetters.map(({ letter }) => ({
      letter,
      text: storeDeadLetter(letter),
    }));
    const bytes = [...retryRows, ...letterRows].reduce(
      (sum, { text }) => sum + bytesOf(text),
      0,
    );
    const work = () => {
      for (const { dueAt, text } of retryRows) this.store.addRetry(dueAt, text);
      for (const { letter, text } of letterRows) this.letters.add(letter, text);
      // Last: if a line above throws, the task must stay.
      this.store.remove(stored);
      if (isStartRecorded) this.crashes.clear(stored);
    };
    // A commit that only removes a row can wait for others to join it.
    if (bytes === 0) await this.commit.writeSoon(work);
    else await this.commit.write(work, { bytes });
  }

  private logFailure(error: unknown): void {
    // The folder has logged why it is unavailable.
    if (error instanceof XeniooInboxError) return;
    const now = performance.now();
    if (now - this.loggedAt < LOG_INTERVAL_MS) return;
    this.loggedAt = now;
    this.logger.error(
      `Recording the results of handlers in the LMDB inbox failed; retrying: ${describeError(error).message}`,
    );
  }
}
