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
import { XeniooInboxError } from '../xenioo.errors.js';
import type { LmdbClaims } from './lmdb.claims.js';
import type { Batch } from './lmdb.batch.js';
import type { LmdbFolder } from './lmdb.folder.js';
import { bytesOf, type LmdbStore } from './lmdb.store.js';

/** A new task that was committed. */
export interface AcceptedTask {
  readonly number: number;
  readonly task: XeniooTask;
  readonly bytes: number;
}

/** A row of a commit; it is not written when the entry is a duplicate. */
interface QueuedRow extends AcceptedTask {
  readonly isNew: Promise<boolean>;
}

/** Writes the entries of deliveries. */
export class LmdbAcceptance {
  constructor(
    private readonly folder: LmdbFolder,
    private readonly store: LmdbStore,
    private readonly claims: LmdbClaims,
    private readonly commit: GroupCommit<Batch>,
    private readonly acceptTimeoutMs: number,
  ) {}

  /**
   * Resolves to the new tasks once every entry is synced to the disk.
   * @throws {XeniooInboxError} when that is not possible, or takes longer than
   * `acceptTimeoutMs`. Entries whose commit ends later are handled all the same.
   */
  async accept({ entries, carrier }: XeniooDelivery): Promise<AcceptedTask[]> {
    const tasks = inOrderOfDate(entries).map(entry => {
      const task: XeniooTask = { entry, attempts: 0, carrier };
      const text = storeTask(task);
      return { task, text, bytes: bytesOf(text) };
    });
    const known = this.claims.findKnown(entries);
    let rows: QueuedRow[] = [];
    const work = (batch: Batch) => {
      this.claims.removeExcess(batch, known);
      rows = tasks.map(({ task, text, bytes }) => {
        // Assigned here, so that numbers are in the order of the commits.
        const key = this.store.nextKey();
        const isNew = this.claims.claimNow(batch, task.entry, known, () =>
          this.store.addPending(key, text),
        );
        return { number: key[1], task, bytes, isNew };
      });
    };
    const bytes = tasks.reduce((sum, task) => sum + task.bytes, 0);
    await this.write(work, bytes);
    const isNew = await Promise.all(rows.map(row => row.isNew));
    return rows.filter((_, index) => isNew[index]);
  }

  /**
   * Resolves when the commit of a single value is synced.
   * @throws {XeniooInboxError} when it fails or does not end in time
   */
  async probe(): Promise<void> {
    const work = () => void this.folder.tables.meta.put('health', '');
    await this.write(work, 1);
  }

  private async write(work: Work<Batch>, bytes: number): Promise<void> {
    const timeoutMs = this.acceptTimeoutMs;
    try {
      await this.commit.write(work, { bytes, timeoutMs });
    } catch (error) {
      if (error instanceof XeniooInboxError) throw error;
      const reason =
        error instanceof CommitTimeout
          ? `the events could not be written within ${timeoutMs} ms (\`acceptTimeoutMs\`). The disk may be slow, or another process that uses the folder may be suspended while it holds the lock`
          : `writing the events failed: ${describeError(error).message}`;
      throw this.errorOf(reason, error);
    }
  }

  private errorOf(reason: string, cause?: unknown): XeniooInboxError {
    return new XeniooInboxError(
      `the LMDB inbox at ${this.folder.path}: ${reason}`,
      { cause },
    );
  }
}
