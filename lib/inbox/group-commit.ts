import { settledWithin } from '../settled-within.js';

/** Writes into a batch; must not throw. */
export type Work<Batch> = (batch: Batch) => void;

/** Writes a batch, if possible as a whole or not at all. */
export interface BatchWriter<Batch> {
  write(work: Work<Batch>, bytes: number): Promise<void>;
  /** Returns true if one write of a batch caused an error, so that each write is retried alone. Without this method, every error counts as such. */
  isAtFault?(error: unknown): boolean;
}

interface Write<Batch> {
  readonly work: Work<Batch>;
  /** Approximate size of the added data. */
  readonly bytes: number;
  readonly committed: () => void;
  readonly failed: (error: unknown) => void;
}

interface WriteOptions {
  /** Approximate size of the added data; 0 if the write removes more than it adds. */
  readonly bytes?: number;
  /** Upper bound of the time until the commit ends. */
  readonly timeoutMs?: number;
}

interface GroupCommitOptions {
  /** Delays a commit to the end of the turn of the event loop, so that it includes all writes of the turn. */
  readonly gathers?: boolean;
}

/** Time for which a write of `writeSoon()` waits for others to join its commit. */
const WRITE_SOON_DELAY_MS = 10;

/** Upper bounds of one commit, so that the event loop is not blocked. */
const MAX_BATCH_BYTES = 2 ** 19;
const MAX_BATCH_WRITES = 2_000;

/** Failure of a commit to end in time. If it has begun, it may end later. */
export class CommitTimeout extends Error {
  override readonly name = 'CommitTimeout';
}

/** Commits concurrent writes together, so that they share one sync. */
export class GroupCommit<Batch> {
  private waiting: Write<Batch>[] = [];
  private committing: Promise<void> | undefined;
  private writeSoonTimer: NodeJS.Timeout | undefined;
  private gathering: NodeJS.Immediate | undefined;

  constructor(
    private readonly writer: BatchWriter<Batch>,
    private readonly options: GroupCommitOptions = {},
  ) {}

  /**
   * Writes with the next commit, after the one that is under way.
   * @throws {CommitTimeout} when that does not end within `timeoutMs`; if it has not begun, nothing is written
   */
  async write(
    work: Work<Batch>,
    { bytes = 0, timeoutMs }: WriteOptions = {},
  ): Promise<void> {
    const { write, done } = this.add(work, bytes);
    this.commit();
    if (timeoutMs === undefined) return done;
    if (await settledWithin(done, timeoutMs)) return;
    const index = this.waiting.indexOf(write);
    if (index !== -1) this.waiting.splice(index, 1);
    throw new CommitTimeout(
      `no commit within ${timeoutMs} ms (\`acceptTimeoutMs\`)`,
    );
  }

  /** Writes with the next commit of `write()`, or after 10 ms. */
  writeSoon(work: Work<Batch>): Promise<void> {
    const { done } = this.add(work, 0);
    this.writeSoonTimer ??= setTimeout(
      () => this.commit(),
      WRITE_SOON_DELAY_MS,
    );
    return done;
  }

  /** Resolves when all pending writes are committed. */
  async flush(): Promise<void> {
    this.begin();
    await this.committing;
  }

  private add(
    work: Work<Batch>,
    bytes: number,
  ): { write: Write<Batch>; done: Promise<void> } {
    let write!: Write<Batch>;
    const done = new Promise<void>((committed, failed) => {
      write = { work, bytes, committed, failed };
    });
    this.waiting.push(write);
    return { write, done };
  }

  private commit(): void {
    if (!this.options.gathers) this.begin();
    else this.gathering ??= setImmediate(() => this.begin());
  }

  private begin(): void {
    this.gathering = undefined;
    if (this.waiting.length > 0) this.committing ??= this.commitAll();
  }

  private async commitAll(): Promise<void> {
    while (this.waiting.length > 0) {
      clearTimeout(this.writeSoonTimer);
      this.writeSoonTimer = undefined;
      const group = this.waiting.splice(0, sizeOfGroup(this.waiting));
      if (await this.commitGroup(group)) continue;
      // A write that fails must not fail the others of its group.
      for (const write of group) await this.commitGroup([write]);
    }
    // No `await` since `waiting` was empty, so that a later write begins a new commit.
    this.committing = undefined;
  }

  /** Commits a group. Returns false if one of several writes caused a failure, so that each must be retried alone. */
  private async commitGroup(group: readonly Write<Batch>[]): Promise<boolean> {
    try {
      const bytes = group.reduce((sum, write) => sum + write.bytes, 0);
      await this.writer.write(batch => {
        for (const { work } of group) work(batch);
      }, bytes);
    } catch (error) {
      const isAtFault = this.writer.isAtFault?.(error) ?? true;
      if (group.length > 1 && isAtFault) return false;
      for (const { failed } of group) failed(error);
      return true;
    }
    for (const { committed } of group) committed();
    return true;
  }
}

/** Returns the number of writes to commit together; at least one, of any size. */
function sizeOfGroup(waiting: readonly { readonly bytes: number }[]): number {
  let bytes = 0;
  for (const [index, write] of waiting.entries()) {
    bytes += write.bytes;
    if (bytes > MAX_BATCH_BYTES) return Math.max(1, index);
    if (index === MAX_BATCH_WRITES) return index;
  }
  return waiting.length;
}
