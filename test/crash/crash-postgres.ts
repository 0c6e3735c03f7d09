import { Client, type QueryResultRow } from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres } from '../support/engines/postgres-server.js';
import {
  crashInstallation,
  type CrashPlan,
  type CrashReport,
} from './crash-installation.js';
import type { Server } from './start-server.js';

/** Rows of the transactional handler, which has no unique constraint. */
export interface TransactionFindings {
  /** Events answered 200 for which it wrote no row. */
  readonly unwritten: number[];
  /** Events for which it wrote several rows. */
  readonly writtenTwice: number[];
}

/** Time in milliseconds for which a worker is suspended: longer than its lease. */
const SUSPENDED_MS = 3_500;

/** Kills receiving processes, workers and PostgreSQL under load, and suspends every other worker for longer than its lease instead. */
export function crashPostgres(
  plan: CrashPlan,
): Promise<CrashReport & TransactionFindings> {
  return crashInstallation(plan, {
    start: startWithTable,
    count: countRows,
    deadLetters: 'letters',
    async strike(victim, kill) {
      if (kill % 6 === 1) await suspend(victim.running as Server);
      else await victim.kill();
    },
    examine: examineNotes,
  });
}

async function startWithTable() {
  const server = await startPostgres();
  await query(server.url, 'CREATE TABLE note (number int, conversation text)');
  return server;
}

/** Runs a statement on a connection of its own: the server is killed now and then. */
async function query<R extends QueryResultRow>(
  url: string,
  text: string,
): Promise<R[]> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}

async function countRows(url: string): Promise<Record<string, number>> {
  const [counts] = await query<Record<string, number>>(
    url,
    `SELECT (SELECT count(*)::int FROM xenioo.arrival) AS arrivals, (SELECT count(*)::int FROM xenioo.event) AS events, (SELECT count(*)::int FROM xenioo.lane) AS lanes,
            (SELECT count(*)::int FROM xenioo.retry) AS retries, (SELECT count(*)::int FROM xenioo.dead_letter) AS letters`,
  );
  return counts!;
}

/** Suspends a process: its lease ends, and what it does after that must not count. */
async function suspend({ process }: Server): Promise<void> {
  process.kill('SIGSTOP');
  await sleep(SUSPENDED_MS);
  process.kill('SIGCONT');
}

async function examineNotes(url: string, answered: readonly number[]) {
  const written = await query<{ number: number; times: number }>(
    url,
    'SELECT number, count(*)::int AS times FROM note GROUP BY number',
  );
  const numbers = new Set(written.map(({ number }) => number));
  const unwritten = answered.filter(number => !numbers.has(number));
  const writtenTwice = written.flatMap(({ number, times }) =>
    times > 1 ? number : [],
  );
  return {
    findings: { unwritten, writtenTwice },
    hasFault: unwritten.length + writtenTwice.length > 0,
  };
}
