import { settledWithin } from '../settled-within.js';

/** Writes into a batch; must not throw. */
export type Work<Batch> = (batch: Batch) => void;

/** Where a batch is written, as a whole or not at all as far as it can. */
export interface BatchWriter<Batch> {
  write(work: Work<Batch>, bytes: number): Promise<void>;
  /** Whether an error is due to one of those that write, so that each is to be tried alone; taken for granted. */
  isAtFault?(error: unknown): boolean;
}

interface Write<Batch> {
  readonly work: Work<Batch>;
  /** How large is what it adds, about. */
  readonly bytes: number;
  readonly committed: () => void;
  readonly failed: (error: unknown) => void;
}

interface WriteOptions {
  /** How large is what it adds, about; none where it takes away more than it adds. */
  readonly bytes?: number;
  /** How long it may wait for its commit to begin. */
  readonly timeoutMs?: number;
}

interface GroupCommitOptions {
  /** How many commits may be under way, 1 if absent. */
  readonly atOnce?: number;
  /** Whether what comes in the same turn of the event loop is waited for. */
  readonly gathers?: boolean;
}

/** How long a write that nobody waits for lets others join it. */
const LINGER_MS = 10;

/** How much is written at a time, so that the event loop turns in between. */
const MOST_BYTES = 2 ** 19;
const MOST_WRITES = 2_000;

/** A write that did not begin in time. Nothing of it was written. */
export class CommitTimeout extends Error {
  override readonly name = 'CommitTimeout';
}

/** Commits what is written at the same time together: one sync is for all of it. */
export class GroupCommit<Batch> {
  private waiting: Write<Batch>[] = [];
  private readonly committing = new Set<Promise<void>>();
  private underWay = 0;
  private linger: NodeJS.Timeout | undefined;
  private gathering: NodeJS.Immediate | undefined;

  constructor(
    private readonly writer: BatchWriter<Batch>,
    private readonly options: GroupCommitOptions = {},
  ) {}

  /**
   * Writes with the next commit, after the one that is under way.
   * @throws {CommitTimeout} when that does not begin within `timeoutMs`
   */
  async write(
    work: Work<Batch>,
    { bytes = 0, timeoutMs }: WriteOptions = {},
  ): Promise<void> {
    const written = this.add(work, bytes);
    this.commit();
    if (timeoutMs !== undefined) await this.begun(written, timeoutMs);
    return written.done;
  }

  /** Writes with a commit that somebody waits for, or else soon. */
  writeSoon(work: Work<Batch>): Promise<void> {
    const { done } = this.add(work, 0);
    this.linger ??= setTimeout(() => this.commit(), LINGER_MS);
    return done;
  }

  /** Resolves when what was to be written is written. */
  async end(): Promise<void> {
    this.begin();
    await Promise.all(this.committing);
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

  private async begun(
    { write, done }: { write: Write<Batch>; done: Promise<void> },
    timeoutMs: number,
  ): Promise<void> {
    if (!this.waiting.includes(write)) return;
    const settled = done.catch(() => {});
    if (await settledWithin(settled, timeoutMs)) return;
    const place = this.waiting.indexOf(write);
    if (place === -1) return;
    this.waiting.splice(place, 1);
    write.failed(new CommitTimeout(`no commit began within ${timeoutMs} ms`));
  }

  private commit(): void {
    if (!this.options.gathers) this.begin();
    else this.gathering ??= setImmediate(() => this.begin());
  }

  private begin(): void {
    this.gathering = undefined;
    const { atOnce = 1 } = this.options;
    if (this.waiting.length === 0 || this.underWay >= atOnce) return;
    this.underWay++;
    const committing = this.commitAll();
    this.committing.add(committing);
    void committing.then(() => this.committing.delete(committing));
  }

  private async commitAll(): Promise<void> {
    while (this.waiting.length > 0) {
      clearTimeout(this.linger);
      this.linger = undefined;
      const group = this.waiting.splice(0, sizeOfGroup(this.waiting));
      if (await this.isSettled(group)) continue;
      // One that can't be written must not keep the others from it.
      for (const write of group) await this.isSettled([write]);
    }
    // In the same turn in which nothing waited: what comes next begins another.
    this.underWay--;
  }

  /** Whether each of them knows what came of it; if not, one of several is at fault. */
  private async isSettled(group: readonly Write<Batch>[]): Promise<boolean> {
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

/** How many of these are committed together; at least one, however large. */
function sizeOfGroup(waiting: readonly { readonly bytes: number }[]): number {
  let bytes = 0;
  for (const [index, write] of waiting.entries()) {
    bytes += write.bytes;
    if (bytes > MOST_BYTES) return Math.max(1, index);
    if (index === MOST_WRITES) return index;
  }
  return waiting.length;
}
