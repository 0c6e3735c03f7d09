import type { XeniooTask } from '../handlers/xenioo-task.js';
import { conversationOf } from '../inbox/entries.js';
import { restoreTask } from '../inbox/stored-form.js';
import type { LmdbStore, StoredTask } from './lmdb.store.js';
import type { TaskKey } from './lmdb.tables.js';

/** A task in memory that waits for its first run. */
export interface PendingTask extends StoredTask {
  readonly conversation: string | undefined;
}

/** Upper bound of the tasks in memory: the larger of a minimum and a multiple of `concurrency`. */
const MIN_LOADED = 1_000;
const LOADED_PER_RUN = 4;

/** Upper bounds of the newly accepted tasks kept in memory, so that they need not be read from the disk. */
const MAX_RECENT = 10_000;
const MAX_RECENT_BYTES = 2 ** 26;

/** Upper bound of the tasks of one conversation in memory, so that a busy one does not delay the others. */
const MAX_PER_CONVERSATION = 32;

/** Upper bound of the skipped tasks, of which only the keys are in memory. */
const MAX_SKIPPED = 1_000_000;

/** Number of keys read from the disk at a time. */
const ROWS_PER_READ = 100;

interface Conversation {
  /** Number of its tasks in memory. */
  loaded: number;
  /** Keys of the tasks that were skipped. */
  readonly skipped: TaskKey[];
}

/**
 * Reads pending tasks from the disk in their order. Holds a bounded number in memory
 * and skips tasks of conversations that have too many.
 */
export class LmdbBacklog {
  /** Next row number to read, by process number. */
  private readonly next = new Map<number, number>();
  private loaded = 0;
  private skippedCount = 0;
  private readonly conversations = new Map<string, Conversation>();
  /** Newly accepted tasks of this process, by row number. */
  private readonly recent = new Map<
    number,
    { readonly task: XeniooTask; readonly bytes: number }
  >();
  private recentBytes = 0;
  private readonly maxLoaded: number;

  constructor(
    private readonly store: LmdbStore,
    concurrency: number,
    private readonly onUnreadable: (key: TaskKey, error: unknown) => void,
  ) {
    this.maxLoaded = Math.max(MIN_LOADED, concurrency * LOADED_PER_RUN);
  }

  /** Keeps a newly written task until `load()` reaches it, if there is room. */
  keepInMemory(rowNumber: number, task: XeniooTask, bytes: number): void {
    const isRead = rowNumber < (this.next.get(this.store.processNumber) ?? 0);
    const isFull =
      this.recent.size >= MAX_RECENT ||
      this.recentBytes + bytes > MAX_RECENT_BYTES;
    if (isRead || isFull) return;
    this.recent.set(rowNumber, { task, bytes });
    this.recentBytes += bytes;
  }

  /** Yields the next tasks. */
  *load(): Generator<PendingTask> {
    for (const key of this.keys()) {
      if (!this.hasRoom) return;
      const pending = this.read(key);
      this.next.set(key[0], key[1] + 1);
      if (pending && this.loadOrSkip(pending)) yield pending;
    }
  }

  /** Frees the place of a task that has run; yields skipped tasks of its conversation. */
  *loadAfter({ conversation }: PendingTask): Generator<PendingTask> {
    this.loaded--;
    if (conversation === undefined) return;
    const queued = this.conversations.get(conversation)!;
    queued.loaded--;
    if (queued.loaded > MAX_PER_CONVERSATION / 2) return;
    const room = MAX_PER_CONVERSATION - queued.loaded;
    for (let left = room; left > 0 && queued.skipped.length > 0; left--) {
      // Removed from the list after reading: if that throws, the key must not be lost.
      const pending = this.read(queued.skipped[0]!);
      queued.skipped.shift();
      this.skippedCount--;
      if (!pending) continue;
      queued.loaded++;
      this.loaded++;
      yield pending;
    }
    if (queued.loaded === 0) this.conversations.delete(conversation);
  }

  /** Yields the keys of all processes, in the order in which the tasks were accepted. */
  private *keys(): Generator<TaskKey> {
    // Waits until half of the tasks have run, to read many at a time.
    if (this.loaded > this.maxLoaded / 2) return;
    const sources = this.store.processNumbers.map(processNumber => {
      const keys = this.keysOf(processNumber);
      return { keys, next: keys.next().value };
    });
    for (;;) {
      let first: (typeof sources)[number] | undefined;
      for (const source of sources) {
        if (source.next && !(first && first.next![1] <= source.next[1])) {
          first = source;
        }
      }
      if (!first) return;
      yield first.next!;
      first.next = first.keys.next().value;
    }
  }

  private *keysOf(processNumber: number): Generator<TaskKey, undefined> {
    let from = this.next.get(processNumber) ?? 0;
    for (;;) {
      const keys = this.store.pendingKeys(processNumber, from, ROWS_PER_READ);
      if (keys.length === 0) return undefined;
      yield* keys;
      from = keys.at(-1)![1] + 1;
    }
  }

  private get hasRoom(): boolean {
    return this.loaded < this.maxLoaded && this.skippedCount < MAX_SKIPPED;
  }

  private read(key: TaskKey): PendingTask | undefined {
    const [processNumber, number] = key;
    const isOwn = processNumber === this.store.processNumber;
    const recent = isOwn ? this.recent.get(number) : undefined;
    if (recent) {
      this.recent.delete(number);
      this.recentBytes -= recent.bytes;
    }
    const text = recent ? '' : this.store.pendingAt(key);
    if (text === undefined) return undefined;
    try {
      const task = recent?.task ?? restoreTask(text);
      return { key, task, conversation: conversationOf(task.entry) };
    } catch (error) {
      this.onUnreadable(key, error);
      return undefined;
    }
  }

  /** Counts a task as loaded, or skips it; returns true if it was loaded. */
  private loadOrSkip({ key, conversation }: PendingTask): boolean {
    if (conversation !== undefined) {
      const queued = this.conversations.get(conversation) ?? {
        loaded: 0,
        skipped: [],
      };
      this.conversations.set(conversation, queued);
      const isFull = queued.loaded >= MAX_PER_CONVERSATION;
      if (isFull || queued.skipped.length > 0) {
        queued.skipped.push(key);
        this.skippedCount++;
        return false;
      }
      queued.loaded++;
    }
    this.loaded++;
    return true;
  }
}
