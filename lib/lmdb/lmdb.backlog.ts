import type { XeniooEntry } from '../events/parse-entry.js';
import { conversationOf } from '../inbox/in-order-of-date.js';
import { restoreEntry } from '../inbox/stored-entry.js';
import type { PendingKey } from './lmdb.tables.js';
import type { LmdbStore, PendingRow } from './lmdb.store.js';

/** An entry whose first attempt is due. */
export interface Loaded {
  readonly key: PendingKey;
  readonly entry: XeniooEntry;
  readonly conversation: string | undefined;
  /** The handlers that were done in a first attempt that did not come to its end. */
  readonly handled: readonly string[];
}

/** How many entries are held in memory at a time to be handled, and for each that is handled at once. */
const LEAST_ROOM = 1_000;
const ROOM_FOR_EACH = 4;

/** How many are held besides that were accepted here, so that they need not be read again. */
const MOST_FRESH = 10_000;

/** How many of one conversation: a talkative one must not keep the others waiting. */
const MOST_OF_A_CONVERSATION = 32;

/** How many are passed over at most, of which no more than the key is held. */
const MOST_PASSED_OVER = 1_000_000;

/** How many are read from the disk at a time. */
const READ_AT_ONCE = 100;

/**
 * Reads what waits on disk, that of each process in its order, so much at a time
 * that memory stays small however much waits.
 */
export class LmdbBacklog {
  /** Process → the number that is read next of what it wrote. */
  private readonly next = new Map<number, number>();
  private loaded = 0;
  private passedOver = 0;
  private readonly conversations = new Map<string, Conversation>();
  /** Entries accepted here, by number: they need not be read and parsed again. None for one that was dropped. */
  private readonly fresh = new Map<number, XeniooEntry | undefined>();

  private readonly room: number;

  constructor(
    private readonly store: LmdbStore,
    concurrency: number,
    private readonly onUnreadable: (key: PendingKey, error: unknown) => void,
  ) {
    this.room = Math.max(LEAST_ROOM, concurrency * ROOM_FOR_EACH);
  }

  /** Keeps in mind what was just written here, as far as it is soon to be read. */
  remember(number: number, entry: XeniooEntry | undefined): void {
    const isRead = number < (this.next.get(this.store.stream) ?? 0);
    if (isRead || this.fresh.size >= MOST_FRESH) return;
    this.fresh.set(number, entry);
  }

  /** What can be handled now. */
  *load(): Generator<Loaded> {
    for (const row of this.rows()) {
      if (!this.hasRoom) return;
      const [stream, number] = row.key;
      this.next.set(stream, number + 1);
      const loaded = this.read(row);
      if (loaded && this.admit(loaded)) yield loaded;
    }
  }

  /** One was handled: what of its conversation was passed over can be handled now. */
  *loadAfter({ conversation }: Loaded): Generator<Loaded> {
    this.loaded--;
    if (conversation === undefined) return;
    const others = this.conversations.get(conversation)!;
    others.loaded--;
    if (others.loaded > MOST_OF_A_CONVERSATION / 2) return;
    const room = MOST_OF_A_CONVERSATION - others.loaded;
    for (let left = room; left > 0 && others.passed.length > 0; left--) {
      const text = this.store.pendingAt(others.passed[0]!);
      const key = others.passed.shift()!;
      this.passedOver--;
      const loaded = text === undefined ? undefined : this.read({ key, text });
      if (!loaded) continue;
      others.loaded++;
      this.loaded++;
      yield loaded;
    }
    if (others.loaded === 0) this.conversations.delete(conversation);
  }

  private *rows(): Generator<PendingRow> {
    // What an earlier process has left comes before what this one accepts.
    for (const stream of this.store.streams) {
      if (stream === this.store.stream) yield* this.freshRows();
      // Not for each place that becomes free: many are read at a time.
      if (this.loaded > this.room / 2) return;
      for (;;) {
        const from = this.next.get(stream) ?? 0;
        const rows = this.store.pendingOf(stream, from, READ_AT_ONCE);
        if (rows.length === 0) break;
        yield* rows;
      }
    }
  }

  /** What was written here last, where nothing written here before is still to be read. */
  private *freshRows(): Generator<PendingRow> {
    const { stream } = this.store;
    for (;;) {
      const number = this.next.get(stream) ?? 1;
      if (!this.fresh.has(number)) return;
      if (this.fresh.get(number)) yield { key: [stream, number], text: '' };
      else {
        this.fresh.delete(number);
        this.next.set(stream, number + 1);
      }
    }
  }

  private get hasRoom(): boolean {
    return this.loaded < this.room && this.passedOver < MOST_PASSED_OVER;
  }

  private read({ key, text }: PendingRow): Loaded | undefined {
    const [stream, number] = key;
    try {
      const fresh =
        stream === this.store.stream ? this.fresh.get(number) : undefined;
      if (fresh) this.fresh.delete(number);
      const entry = fresh ?? restoreEntry(text);
      const handled = fresh ? [] : this.store.handledOf(key);
      return { key, entry, conversation: conversationOf(entry), handled };
    } catch (error) {
      this.onUnreadable(key, error);
      return undefined;
    }
  }

  /** Counts it in, or passes it over. */
  private admit({ key, conversation }: Loaded): boolean {
    if (conversation !== undefined) {
      const others = this.conversations.get(conversation) ?? {
        loaded: 0,
        passed: [],
      };
      this.conversations.set(conversation, others);
      const isFull = others.loaded >= MOST_OF_A_CONVERSATION;
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

interface Conversation {
  /** How many are held. */
  loaded: number;
  /** The keys of those that were passed over. */
  readonly passed: PendingKey[];
}
