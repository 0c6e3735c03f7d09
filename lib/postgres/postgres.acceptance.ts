import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../describe-error.js';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import { conversationOf, dedupeId, inOrderOfDate } from '../inbox/entries.js';
import { GroupCommit } from '../inbox/group-commit.js';
import { storeTask } from '../inbox/stored-form.js';
import type { XeniooSettings } from '../options/xenioo.options.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import { int4Array, int8Array, textArray, uuidArray } from './binary-array.js';
import type { PostgresDatabase } from './postgres.database.js';

/** Delay in milliseconds before connecting again after a refused connection. */
const CONNECT_AGAIN_AFTER_MS = 100;

/** Codes of errors of a server that accepts no connections: the statement was not sent. */
const NOT_SENT = /^(ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|57P03|53300)$/;

/** Codes of errors after which PostgreSQL has rolled back and the same statement may succeed: conflicts, and a standby that is not promoted yet. */
const ROLLED_BACK = /^(40001|40P01|25006)$/;

/** An entry in its stored form. */
interface StoredEntry {
  /** Digest that recognises duplicates; null if the entry is never a duplicate. */
  readonly id: string | null;
  readonly bot: string;
  /** Key of the conversation in the tables. */
  readonly lane: number;
  readonly receivedAt: number;
  readonly body: string;
}

interface Batch {
  readonly entries: StoredEntry[];
  /** Indexes of the duplicates among the entries, once the batch is committed. */
  duplicates: ReadonlySet<number>;
}

/** Stores the entries of deliveries; deliveries that arrive together share a statement. */
export class PostgresAcceptance {
  private readonly commit: GroupCommit<Batch>;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly settings: Pick<
      XeniooSettings,
      'dedupe' | 'acceptTimeoutMs'
    >,
  ) {
    this.commit = new GroupCommit<Batch>(
      {
        write: work => this.write(work),
        // PostgreSQL can't store the data; any other error is not due to one delivery.
        isAtFault: error => /^(22|23|54)/.test(codeOf(error)),
      },
      { gathers: true },
    );
  }

  /**
   * Resolves once the entries are committed, to the number of those that calls of the same statement repeat. Other duplicates are found later.
   * @throws {XeniooInboxError} when the commit is not confirmed within `acceptTimeoutMs`
   */
  async accept({ entries, carrier }: XeniooDelivery): Promise<number> {
    const stored = inOrderOfDate(entries).map(entry =>
      this.stored({ entry, attempts: 0, carrier }),
    );
    const bytes = stored.reduce((sum, { body }) => sum + body.length, 0);
    let batch!: Batch;
    let first = 0;
    const work = (group: Batch) => {
      batch = group;
      first = group.entries.length;
      // Spreading thousands of arguments overflows the stack.
      for (const entry of stored) group.entries.push(entry);
    };
    const { acceptTimeoutMs: timeoutMs } = this.settings;
    try {
      await this.commit.write(work, { bytes, timeoutMs });
    } catch (error) {
      throw this.errorOf(error);
    }
    let duplicates = 0;
    for (let place = first; place < first + stored.length; place++) {
      if (batch.duplicates.has(place)) duplicates++;
    }
    return duplicates;
  }

  /**
   * Resolves when the server has committed a transaction that writes no row.
   * @throws {XeniooInboxError} when the commit is not confirmed within `acceptTimeoutMs`
   */
  async probe(): Promise<void> {
    try {
      await this.database.query('probe', [], this.settings.acceptTimeoutMs);
    } catch (error) {
      throw this.errorOf(error);
    }
  }

  private errorOf(error: unknown): XeniooInboxError {
    return new XeniooInboxError(
      `the PostgreSQL inbox, ${this.database.name}: ${describeError(error).message}`,
      { cause: error },
    );
  }

  /** Returns the stored form of the entry of a task. */
  stored(task: XeniooTask, isDeduplicated = true): StoredEntry {
    const { entry } = task;
    const { dedupe } = this.settings;
    const id = dedupe && isDeduplicated ? dedupeId(entry) : undefined;
    return {
      id: id ?? null,
      bot: entry.bot,
      lane: laneOf(conversationOf(entry)),
      receivedAt: entry.receivedAt.getTime(),
      body: storeTask(task),
    };
  }

  /** Returns the parameters of the statement `accept`. */
  valuesOf(entries: readonly StoredEntry[]): unknown[] {
    const chars = entries.reduce((sum, { body }) => sum + body.length, 0);
    // A character takes three bytes at most.
    const bodies = Buffer.allocUnsafe(3 * chars);
    let end = 0;
    const starts: number[] = [];
    const lengths: number[] = [];
    for (const { body } of entries) {
      const length = bodies.write(body, end);
      starts.push(end + 1);
      lengths.push(length);
      end += length;
    }
    return [
      entries.reduce((min, entry) => Math.min(min, entry.receivedAt), Infinity),
      entries.length,
      uuidArray(entries.map(({ id }) => id)),
      textArray(entries.map(({ bot }) => bot)),
      int8Array(entries.map(({ lane }) => lane)),
      int4Array(starts),
      int4Array(lengths),
      bodies.subarray(0, end),
    ];
  }

  /** Resolves when pending writes are committed. */
  async end(): Promise<void> {
    await this.commit.flush();
  }

  private async write(work: (batch: Batch) => void): Promise<void> {
    const batch: Batch = { entries: [], duplicates: new Set() };
    work(batch);
    // An event that a batch contains twice is stored once.
    const repeated = new Set<number>();
    const ids = new Set<string>();
    const places: number[] = [];
    for (const [place, { id }] of batch.entries.entries()) {
      if (id !== null && ids.has(id)) repeated.add(place);
      else places.push(place);
      if (id !== null) ids.add(id);
    }
    await this.insert(places.map(place => batch.entries[place]!));
    batch.duplicates = repeated;
  }

  private async insert(entries: readonly StoredEntry[]): Promise<void> {
    const { acceptTimeoutMs } = this.settings;
    const latest = performance.now() + acceptTimeoutMs;
    const values = this.valuesOf(entries);
    for (;;) {
      const askedAt = performance.now();
      try {
        const left = Math.max(1, Math.ceil(latest - askedAt));
        await this.database.query('accept', values, left);
        this.database.reportRecovery(askedAt);
        return;
      } catch (error) {
        this.database.reportFailure(error, askedAt);
        const code = codeOf(error);
        const isUntaken = NOT_SENT.test(code) || ROLLED_BACK.test(code);
        if (!isUntaken || performance.now() + CONNECT_AGAIN_AFTER_MS > latest) {
          throw error;
        }
        await sleep(CONNECT_AGAIN_AFTER_MS);
      }
    }
  }
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}

/**
 * Returns the key of a conversation, or a random one for an event without a conversation. It is a hash of 53 bits (cyrb53):
 * events of conversations with the same one wait for each other, which harms none of them.
 */
function laneOf(conversation: string | undefined): number {
  if (conversation === undefined) {
    return Math.floor(Math.random() * 2 ** 53);
  }
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let at = 0; at < conversation.length; at++) {
    const code = conversation.charCodeAt(at);
    high = Math.imul(high ^ code, 2_654_435_761);
    low = Math.imul(low ^ code, 1_597_334_677);
  }
  high = Math.imul(high ^ (high >>> 16), 2_246_822_507);
  high ^= Math.imul(low ^ (low >>> 13), 3_266_489_909);
  low = Math.imul(low ^ (low >>> 16), 2_246_822_507);
  low ^= Math.imul(high ^ (high >>> 13), 3_266_489_909);
  return 2 ** 32 * (high & 0x1f_ff_ff) + (low >>> 0);
}
