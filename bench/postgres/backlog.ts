import * as pg from 'pg';
import { PostgresClaims } from '../../lib/postgres/postgres.claims.js';
import { PostgresDatabase } from '../../lib/postgres/postgres.database.js';
import { resolvePostgresInboxOptions } from '../../lib/postgres/postgres.inbox-options.js';
import { PostgresRecorder } from '../../lib/postgres/postgres.recorder.js';
import { figure } from '../report.js';
import { acceptMessages, openReceiver } from './receiver.js';

const CLAIMS = 500;

/** Conversations per claim: the default of the module option `concurrency`. */
const CONCURRENCY = 32;

const TTL_SECONDS = 3_600;

/** Longer than the measurement, since the worker sends no heartbeat. */
const LEASE_MS = 3_600_000;

/** Accepts events without a worker, then measures the claims of a worker. Returns rows of a table. */
export async function measureBacklog(
  url: string,
  pending: number,
): Promise<string[][]> {
  return [
    await claimsOf(url, `${figure(pending)} conversations`, pending, pending),
    await claimsOf(url, '1,000 conversations', pending, 1_000),
  ];
}

async function claimsOf(
  url: string,
  name: string,
  pending: number,
  conversations: number,
): Promise<string[]> {
  const options = resolvePostgresInboxOptions({
    connection: url,
    schema: `backlog_${conversations}`,
  });
  const inbox = await openReceiver(url, options.schema);
  const database = new PostgresDatabase(pg, options, 60_000);
  try {
    const acceptMs = await acceptMessages(inbox, pending, conversations);
    const distributeMs = await distribute(database);
    const times = await claim(database);
    const { pending: left } = await inbox.stats();
    const at = (share: number) =>
      figure(times[Math.ceil(times.length * share) - 1]!);
    return [
      `${figure(pending)} events in ${name}`,
      figure(Math.round(pending / (acceptMs / 1_000))),
      figure(Math.round(pending / (distributeMs / 1_000))),
      at(0.5),
      at(0.99),
      at(1),
      figure(left),
    ];
  } finally {
    await database.close();
    await inbox.stop(0);
  }
}

/** Moves all accepted events to their conversations. Returns the time in milliseconds. */
async function distribute(database: PostgresDatabase): Promise<number> {
  const begunAt = performance.now();
  for (;;) {
    const [row] = await database.query('distribute', [TTL_SECONDS]);
    if (row!['arrivals'] === '0') return performance.now() - begunAt;
  }
}

/** Claims and records as a worker does. Returns the sorted times of the claims in milliseconds. */
async function claim(database: PostgresDatabase): Promise<number[]> {
  const claims = new PostgresClaims(database);
  const recorder = new PostgresRecorder(database);
  const [registered] = await database.query('registerWorker', [
    false,
    LEASE_MS,
  ]);
  const worker = registered!['id']!;
  const times: number[] = [];
  for (let count = 0; count < CLAIMS; count++) {
    const begunAt = performance.now();
    const claimed = await claims.conversations(worker, CONCURRENCY);
    times.push(performance.now() - begunAt);
    await Promise.all(
      claimed.map(({ lane, claim, events }) =>
        recorder.record({
          worker,
          lane,
          claim,
          head: events.at(-1)!.n + 1,
          isReleased: true,
          retries: [],
          letters: [],
        }),
      ),
    );
  }
  return times.toSorted((one, other) => one - other);
}
