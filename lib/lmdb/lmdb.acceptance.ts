import { describeError } from '../describe-error.js';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import {
  CommitTimeout,
  type GroupCommit,
  type Work,
} from '../inbox/group-commit.js';
import { inOrderOfDate } from '../inbox/entries.js';
import { storeTask } from '../inbox/stored-form.js';
import { settledWithin } from '../settled-within.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { Claim, LmdbClaims } from './lmdb.claims.js';
import type { Batch, LmdbFolder } from './lmdb.folder.js';
import { bytesOf, type LmdbStore } from './lmdb.store.js';
import type { TaskKey } from './lmdb.tables.js';

/** A new task, as it was written. */
export interface AcceptedTask {
  readonly number: number;
  readonly task: XeniooTask;
  readonly bytes: number;
}

/** A row that is part of a commit; not written where the entry is a duplicate. */
interface QueuedRow extends AcceptedTask {
  readonly key: TaskKey;
  readonly claim: Claim;
  readonly isNew: Promise<boolean>;
}

/** Writes the entries of calls. */
export class LmdbAcceptance {
  constructor(
    private readonly folder: LmdbFolder,
    private readonly store: LmdbStore,
    private readonly claims: LmdbClaims,
    private readonly commit: GroupCommit<Batch>,
    private readonly acceptTimeoutMs: number,
  ) {}

  /**
   * Resolves to the new tasks once every entry is synced to the disk, or was before.
   * @throws {XeniooInboxError} when that is not possible; then nothing is written
   */
  async accept({ entries, carrier }: XeniooDelivery): Promise<AcceptedTask[]> {
    const tasks = inOrderOfDate(entries).map(entry => {
      const task: XeniooTask = { entry, attempts: 0, carrier };
      const text = storeTask(task);
      return { task, text, bytes: bytesOf(text) };
    });
    const known = this.claims.look(entries);
    let rows: QueuedRow[] = [];
    const work = (batch: Batch) => {
      this.claims.makeRoom(batch, known);
      rows = tasks.map(({ task, text, bytes }) => {
        // Numbers are in the order of the commits only if they are given here.
        const key = this.store.nextKey();
        const { claim, isNew } = this.claims.claimNow(
          batch,
          task.entry,
          known,
          () => this.store.addPending(key, text),
        );
        return { key, number: key[1], task, bytes, claim, isNew };
      });
    };
    const bytes = tasks.reduce((sum, task) => sum + task.bytes, 0);
    if (!(await this.isCommitted(work, bytes))) {
      this.cancel(rows);
      throw this.lateError();
    }
    const isNew = await Promise.all(rows.map(row => row.isNew));
    return rows.filter((_, index) => isNew[index]);
  }

  /**
   * Resolves when a commit that changes one value is synced.
   * @throws {XeniooInboxError} when that is not possible
   */
  async probe(): Promise<void> {
    const work = () => void this.folder.tables.meta.put('health', '');
    if (!(await this.isCommitted(work, 1))) throw this.lateError();
  }

  /** Resolves to false when a commit has begun, and does not end in time. */
  private async isCommitted(
    work: Work<Batch>,
    bytes: number,
  ): Promise<boolean> {
    const timeoutMs = this.acceptTimeoutMs;
    try {
      const written = this.commit.write(work, { bytes, timeoutMs });
      return await settledWithin(written, timeoutMs);
    } catch (error) {
      if (error instanceof CommitTimeout) return false;
      if (error instanceof XeniooInboxError) throw error;
      throw this.errorOf(
        `the disk did not take the events: ${describeError(error).message}`,
        error,
      );
    }
  }

  /**
   * Takes back rows whose commit has begun. While that waits for the lock, lmdb adds
   * this to the same transaction; otherwise nobody in this process runs them.
   */
  private cancel(rows: readonly QueuedRow[]): void {
    if (rows.length === 0) return;
    for (const { number } of rows) this.store.cancelled.add(number);
    const cancelled = this.folder.write(batch => {
      const { pending } = this.folder.tables;
      for (const { key, claim } of rows) {
        void batch.whenPresent(pending, key, () => {
          this.store.remove({ key });
          this.claims.release(claim);
        });
      }
    });
    cancelled.then(
      () => {
        for (const { number } of rows) this.store.cancelled.delete(number);
      },
      // They stay cancelled in this process; the next one may run them.
      () => {},
    );
  }

  private lateError(): XeniooInboxError {
    return this.errorOf(
      `nothing could be written within ${this.acceptTimeoutMs} ms (\`acceptTimeoutMs\`): its disk is slow, or another process that uses the folder was stopped while it wrote`,
    );
  }

  private errorOf(reason: string, cause?: unknown): XeniooInboxError {
    return new XeniooInboxError(
      `the LMDB inbox at ${this.folder.path}: ${reason}`,
      { cause },
    );
  }
}
