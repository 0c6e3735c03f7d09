import { randomBytes } from 'node:crypto';
import type { PostgresDatabase } from './postgres.database.js';
import { bytesOf, type Row } from './postgres.values.js';

/** Events of a conversation that are read at a time. */
const EVENTS_PER_LANE = 64;

/** Upper bound of what is read by one claim, beside the first event of each conversation. */
const BYTES_PER_CLAIM = 2 ** 25;

/** A lane may become visible so much later than the time that it has, in seconds: its transaction took so long. */
const COMMIT_WITHIN_SECONDS = 10;

/** Time in milliseconds between two claims that look at every lane, however old. */
const LOOK_AT_ALL_EVERY_MS = 5_000;

/** An event that waits for its first run, in the hand of this process. */
export interface ClaimedEvent {
  readonly n: number;
  readonly id: string;
  /** Transactional handlers that have committed. */
  readonly done: readonly string[];
  readonly body: Buffer;
}

/** A conversation in the hand of this process, with its first events. */
export interface ClaimedLane {
  readonly worker: string;
  readonly lane: string;
  /** Random number of the claim. */
  readonly claim: string;
  /** Number of the next event to run. */
  head: number;
  readonly deaths: number;
  readonly events: ClaimedEvent[];
}

/** A retry in the hand of this process. */
export interface ClaimedRetry {
  readonly worker: string;
  readonly retry: string;
  readonly deaths: number;
  readonly body: Buffer;
}

/** Takes conversations and retries that no process has in hand. */
export class PostgresClaims {
  /** Since when the oldest lane of the last claim has been ready, in seconds since 1970. */
  private oldest = 0;
  private lookedAtAllAt = -Infinity;

  constructor(private readonly database: PostgresDatabase) {}

  /**
   * Claims lanes, those first that have been ready for longest. Index entries of
   * lanes that are gone slow the search while a long transaction of the host keeps
   * them, so most claims pass over what is older than the last lane found.
   */
  async lanes(worker: string, limit: number): Promise<ClaimedLane[]> {
    const now = performance.now();
    const looksAtAll = now - this.lookedAtAllAt > LOOK_AT_ALL_EVERY_MS;
    if (looksAtAll) this.lookedAtAllAt = now;
    const from = looksAtAll ? 0 : this.oldest - COMMIT_WITHIN_SECONDS;
    const rows = await this.claim('claim', worker, limit, from);
    if (rows.length > 0) this.oldest = Number(rows[0]!['since']);
    return lanesOf(worker, rows);
  }

  async suspectLane(worker: string): Promise<ClaimedLane | undefined> {
    const rows = await this.claim('claimSuspect', worker, 1, 0);
    return lanesOf(worker, rows)[0];
  }

  async retries(worker: string, limit: number): Promise<ClaimedRetry[]> {
    const rows = await this.database.query('claimRetries', [worker, limit]);
    return rows.map(row => retryOf(worker, row));
  }

  async suspectRetry(worker: string): Promise<ClaimedRetry | undefined> {
    const [row] = await this.database.query('claimSuspectRetry', [worker, 1]);
    return row && retryOf(worker, row);
  }

  /** Time in milliseconds until the next retry is due that nobody has in hand. */
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
  ): Promise<Row[]> {
    const bytes = Math.floor(BYTES_PER_CLAIM / limit);
    const claim = randomBytes(8).readBigInt64BE(0).toString();
    const values = [worker, limit, EVENTS_PER_LANE, bytes, from, claim];
    const rows = await this.database.query(name, values);
    return rows.map(row => ({ ...row, claim }));
  }
}

function lanesOf(worker: string, rows: readonly Row[]): ClaimedLane[] {
  const lanes = new Map<string, ClaimedLane>();
  for (const { lane, claim, head, deaths, n, id, done, body } of rows) {
    let claimed = lanes.get(lane!);
    if (!claimed) {
      claimed = {
        worker,
        lane: lane!,
        claim: claim!,
        head: Number(head),
        deaths: Number(deaths),
        events: [],
      };
      lanes.set(lane!, claimed);
    }
    // Another process may have changed the lane since this statement began.
    if (n == null) continue;
    claimed.events.push({
      n: Number(n),
      id: id!,
      done: done == null ? [] : (JSON.parse(done) as string[]),
      body: bytesOf(body),
    });
  }
  return [...lanes.values()];
}

function retryOf(worker: string, { id, deaths, body }: Row): ClaimedRetry {
  return { worker, retry: id!, deaths: Number(deaths), body: bytesOf(body) };
}
