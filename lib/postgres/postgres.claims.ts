import { randomBytes } from 'node:crypto';
import type { PostgresDatabase } from './postgres.database.js';
import { BYTES_PER_CLAIM } from './postgres.statements.js';
import { bytesOf, type Row } from './postgres.values.js';

/** Number of events of a conversation that one claim reads. */
const EVENTS_PER_CONVERSATION = 64;

/** Upper bound in seconds of the time that a transaction is expected to take: a lane becomes visible at its commit, later than its `since`. */
const MAX_COMMIT_SECONDS = 10;

/** Interval in milliseconds of the claims that search all conversations, however old. */
const SEARCH_ALL_EVERY_MS = 5_000;

/** A claimed event whose first run is pending. */
export interface ClaimedEvent {
  /** Number of the event in its conversation. */
  readonly n: number;
  readonly id: string;
  /** Names of the transactional handlers that have committed. */
  readonly done: readonly string[];
  readonly body: Buffer;
}

/** A claim of conversations by this process. */
interface Claim {
  readonly worker: string;
  /** Random number of the claim. */
  readonly claim: string;
}

/** A conversation claimed by this process, with its first events. */
export interface ClaimedConversation extends Claim {
  /** Key of the conversation in the tables. */
  readonly lane: string;
  /** Number of the next event to run. */
  head: number;
  /** Number of processes that died while they had claimed the first event. */
  readonly deaths: number;
  readonly events: ClaimedEvent[];
}

/** A retry claimed by this process. */
export interface ClaimedRetry {
  readonly worker: string;
  readonly retry: string;
  readonly deaths: number;
  /** Names of the transactional handlers that have committed. */
  readonly done: readonly string[];
  readonly body: Buffer;
}

/** Claims conversations and retries that no process has claimed. */
export class PostgresClaims {
  /** Time at which the oldest lane of the last claim became ready, in seconds since 1970. */
  private oldest = 0;
  private searchedAllAt = -Infinity;

  constructor(private readonly database: PostgresDatabase) {}

  /**
   * Claims conversations, the longest ready first. While a long transaction of the
   * application is open, index entries of deleted lanes remain and slow the search
   * down, so most claims skip index entries that are older than the last lane found.
   */
  async conversations(
    worker: string,
    limit: number,
  ): Promise<ClaimedConversation[]> {
    const now = performance.now();
    const searchesAll = now - this.searchedAllAt > SEARCH_ALL_EVERY_MS;
    if (searchesAll) this.searchedAllAt = now;
    const from = searchesAll ? 0 : this.oldest - MAX_COMMIT_SECONDS;
    const { rows, ...claim } = await this.claim('claim', worker, limit, from);
    if (rows.length > 0) this.oldest = Number(rows[0]!['since']);
    return conversationsOf(rows, claim);
  }

  async suspectConversation(
    worker: string,
  ): Promise<ClaimedConversation | undefined> {
    const { rows, ...claim } = await this.claim('claimSuspect', worker, 1, 0);
    return conversationsOf(rows, claim)[0];
  }

  async retries(worker: string, limit: number): Promise<ClaimedRetry[]> {
    const rows = await this.database.query('claimRetries', [worker, limit]);
    return rows.map(row => retryOf(worker, row));
  }

  async suspectRetry(worker: string): Promise<ClaimedRetry | undefined> {
    const [row] = await this.database.query('claimSuspectRetry', [worker, 1]);
    return row && retryOf(worker, row);
  }

  /** Returns the time in milliseconds until the next retry that no process has claimed is due. */
  async nextRetryInMs(): Promise<number | undefined> {
    const [row] = await this.database.query('nextRetry');
    const inMs = row?.['in_ms'];
    return inMs == null ? undefined : Number(inMs);
  }

  private async claim(
    name: 'claim' | 'claimSuspect',
    worker: string,
    limit: number,
    from: number,
  ): Promise<Claim & { readonly rows: readonly Row[] }> {
    const bytes = Math.floor(BYTES_PER_CLAIM / limit);
    const claim = randomBytes(8).readBigInt64BE(0).toString();
    const values = [worker, limit, EVENTS_PER_CONVERSATION, bytes, from, claim];
    return { worker, claim, rows: await this.database.query(name, values) };
  }
}

function conversationsOf(
  rows: readonly Row[],
  claim: Claim,
): ClaimedConversation[] {
  const conversations = new Map<string, ClaimedConversation>();
  for (const { lane, head, deaths, n, id, done, body } of rows) {
    let claimed = conversations.get(lane!);
    if (!claimed) {
      claimed = {
        ...claim,
        lane: lane!,
        head: Number(head),
        deaths: Number(deaths),
        events: [],
      };
      conversations.set(lane!, claimed);
    }
    // Another process may have changed the lane since this statement began.
    if (n == null) continue;
    claimed.events.push({
      n: Number(n),
      id: id!,
      done: namesOf(done),
      body: bytesOf(body),
    });
  }
  return [...conversations.values()];
}

function retryOf(
  worker: string,
  { id, deaths, done, body }: Row,
): ClaimedRetry {
  return {
    worker,
    retry: id!,
    deaths: Number(deaths),
    done: namesOf(done),
    body: bytesOf(body),
  };
}

function namesOf(json: string | null | undefined): string[] {
  return json == null ? [] : (JSON.parse(json) as string[]);
}
