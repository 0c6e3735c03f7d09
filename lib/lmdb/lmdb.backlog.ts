import type { XeniooTask } from '../handlers/xenioo-task.js';
import { conversationOf } from '../inbox/entries.js';
import { restoreTask } from '../inbox/stored-form.js';
import type { LmdbStore, StoredTask } from './lmdb.store.js';
import type { TaskKey } from './lmdb.tables.js';

/** A task in memory that waits for its first run. */
export interface PendingTask extends StoredTask {
  readonly conversation: string | undefined;
}

/** Tasks in memory at a time: at least so many, and so many for each that runs at once. */
const MIN_LOADED = 1_000;
const LOADED_PER_RUN = 4;

/** Bounds of the tasks accepted here that are kept besides, so that they need not be read again. */
const MAX_FRESH = 10_000;
const MAX_FRESH_BYTES = 2 ** 26;

/** Tasks of one conversation in memory, so that a busy one does not keep the others waiting. */
const MAX_PER_CONVERSATION = 32;

/** Tasks that are passed over, of which only the keys are kept. */
const MAX_PASSED_OVER = 1_000_000;

/** Keys that are read from the disk at a time. */
const READ_AT_ONCE = 100;

interface Conversation {
  /** Tasks in memory. */
  loaded: number;
  /** Keys of the tasks that were passed over. */
  readonly passed: TaskKey[];
}

/**
 * Reads pending tasks from the disk, those of each process in their order, and
 * only as many at a time as memory is to hold.
 */
export class LmdbBacklog {
  /** By process, the number from which to read on. */
  private readonly next = new Map<number, number>();
  private loaded = 0;
  private passedOver = 0;
  private readonly conversations = new Map<string, Conversation>();
  private readonly fresh = new Map<
    number,
    { readonly task: XeniooTask; readonly bytes: number }
  >();
  private freshBytes = 0;
  private readonly maxLoaded: number;

  constructor(
    private readonly store: LmdbStore,
    concurrency: number,
    private readonly onUnreadable: (key: TaskKey, error: unknown) => void,
  ) {
    this.maxLoaded = Math.max(MIN_LOADED, concurrency * LOADED_PER_RUN);
  }

  /** Keeps a task that was just written here, if it is to be read soon. */
  remember(number: number, task: XeniooTask, bytes: number): void {
    const isRead = number < (this.next.get(this.store.stream) ?? 0);
    const isFull =
      this.fresh.size >= MAX_FRESH || this.freshBytes + bytes > MAX_FRESH_BYTES;
    if (isRead || isFull) return;
    this.fresh.set(number, { task, bytes });
    this.freshBytes += bytes;
  }

  /** Yields the tasks that can run now. */
  *load(): Generator<PendingTask> {
    for (const key of this.keys()) {
      if (!this.hasRoom) return;
      this.next.set(key[0], key[1] + 1);
      const pending = this.read(key);
      if (pending && this.admit(pending)) yield pending;
    }
  }

  /** Yields the tasks of its conversation that were passed over, now that one has run. */
  *loadAfter({ conversation }: PendingTask): Generator<PendingTask> {
    this.loaded--;
    if (conversation === undefined) return;
    const others = this.conversations.get(conversation)!;
    others.loaded--;
    if (others.loaded > MAX_PER_CONVERSATION / 2) return;
    const room = MAX_PER_CONVERSATION - others.loaded;
    for (let left = room; left > 0 && others.passed.length > 0; left--) {
      // A disk that fails to read must not lose the key.
      const pending = this.read(others.passed[0]!);
      others.passed.shift();
      this.passedOver--;
      if (!pending) continue;
      others.loaded++;
      this.loaded++;
      yield pending;
    }
    if (others.loaded === 0) this.conversations.delete(conversation);
  }

  private *keys(): Generator<TaskKey> {
    // Tasks of an earlier process come before those of this one.
    for (const stream of this.store.streams) {
      // Not for each task that has run: many are read at a time.
      if (this.loaded > this.maxLoaded / 2) return;
      for (;;) {
        const from = this.next.get(stream) ?? 0;
        const keys = this.store.pendingKeys(stream, from, READ_AT_ONCE);
        if (keys.length === 0) break;
        yield* keys;
      }
    }
  }

  private get hasRoom(): boolean {
    return this.loaded < this.maxLoaded && this.passedOver < MAX_PASSED_OVER;
  }

  private read(key: TaskKey): PendingTask | undefined {
    const [stream, number] = key;
    const isOwn = stream === this.store.stream;
    if (isOwn && this.store.cancelled.has(number)) return undefined;
    const fresh = isOwn ? this.fresh.get(number) : undefined;
    if (fresh) {
      this.fresh.delete(number);
      this.freshBytes -= fresh.bytes;
    }
    const text = fresh ? '' : this.store.pendingAt(key);
    if (text === undefined) return undefined;
    try {
      const task = fresh?.task ?? restoreTask(text);
      return { key, task, conversation: conversationOf(task.entry) };
    } catch (error) {
      this.onUnreadable(key, error);
      return undefined;
    }
  }

  /** Counts a task in, or passes it over. */
  private admit({ key, conversation }: PendingTask): boolean {
    if (conversation !== undefined) {
      const others = this.conversations.get(conversation) ?? {
        loaded: 0,
        passed: [],
      };
      this.conversations.set(conversation, others);
      const isFull = others.loaded >= MAX_PER_CONVERSATION;
      if (isFull || others.passed.length > 0) {
        others.passed.push(key);
        this.passedOver++;
        return false;
      }
      others.loaded++;
    }
    this.loaded++;
    return true;
  }
}
