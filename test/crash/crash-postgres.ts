import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  PostgresInstallation,
  type PostgresInstallationPlan,
} from './postgres-installation.js';
import { Callers } from './callers.js';
import { Journal } from './journal.js';
import type { Server } from './start-server.js';

/** Options of `crashPostgres()`. */
export interface PostgresCrashPlan extends Omit<
  PostgresInstallationPlan,
  'folder'
> {
  /** Number of kills of receiving processes, of workers and of PostgreSQL, each. */
  readonly kills: number;
  /** Approximate upper bound in milliseconds of the time between two kills. */
  readonly killWithinMs: number;
  readonly callers: number;
  readonly onKill?: (kills: number, report: string) => void;
}

/** Result of `crashPostgres()`. */
export interface PostgresCrashReport {
  /** Number of events that were answered 200. */
  readonly answered: number;
  /** Missing handler runs of these events. */
  readonly lost: string[];
  /** Number of repeated handler runs. */
  readonly repeated: number;
  /** Numbers of rows that remain in the tables of the inbox. */
  readonly left: Record<string, number>;
  /** Events answered 200 for which the transactional handler wrote no row. */
  readonly unwritten: number[];
  /** Events for which the transactional handler wrote several rows. */
  readonly writtenTwice: number[];
  /** Status codes other than 200. */
  readonly refused: number[];
  /** Number of calls without an answer. */
  readonly brokenOff: number;
  /** Time in milliseconds from the last call until all events were handled. */
  readonly settledAfterMs: number;
  /** Folder with the logs; kept when runs are missing or rows remain. */
  readonly kept: string | undefined;
}

const SECRET = 'right-secret';
const HANDLERS = ['keep', 'notify', 'enrich'];

/** Upper bound of the pending events above which callers wait, so that the run ends soon after the last call. */
const MAX_PENDING = 5_000;

/** Time in milliseconds before a kill in which callers do not wait, so that calls are in progress when it happens. */
const RUSH_WITHIN_MS = 400;

/** Time in milliseconds for which a worker is suspended; longer than its lease. */
const SUSPENDED_MS = 3_500;

const CHECK_EVERY_MS = 100;
const SETTLE_WITHIN_MS = 90_000;

/** Kills the processes of an installation under load, one after another, and checks that every event answered 200 was handled. */
export async function crashPostgres(
  plan: PostgresCrashPlan,
): Promise<PostgresCrashReport> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-crash-'));
  const installation = await PostgresInstallation.start({ ...plan, folder });
  const journal = new Journal(installation.journals);
  const reading = setInterval(() => journal.read(), CHECK_EVERY_MS);
  try {
    const callers = await callAndKill(plan, installation, journal);
    const { answered, refused, brokenOff } = callers;
    const endedAt = performance.now();
    const lost = await missingRuns(answered, journal);
    const left = await remainingRows(installation);
    const written = await installation.query<{ number: number; times: number }>(
      'SELECT number, count(*)::int AS times FROM note GROUP BY number',
    );
    const numbers = new Set(written.map(({ number }) => number));
    const unwritten = answered.filter(number => !numbers.has(number));
    const writtenTwice = written.flatMap(({ number, times }) =>
      times > 1 ? number : [],
    );
    const isOk =
      lost.length +
        unwritten.length +
        writtenTwice.length +
        Object.keys(left).length ===
      0;
    if (isOk) await rm(folder, { recursive: true });
    return {
      answered: answered.length,
      lost,
      repeated: sum([...journal.runs.values()].map(times => times - 1)),
      left,
      unwritten,
      writtenTwice,
      refused,
      brokenOff,
      settledAfterMs: performance.now() - endedAt,
      kept: isOk ? undefined : folder,
    };
  } finally {
    clearInterval(reading);
    journal.close();
    await installation.stop();
  }
}

async function callAndKill(
  { kills, killWithinMs, callers: count, random, onKill }: PostgresCrashPlan,
  installation: PostgresInstallation,
  journal: Journal,
): Promise<Callers> {
  const { receivers, workers, engine } = installation;
  let callers: Callers | undefined;
  const answered = () => callers?.answered.length ?? 0;
  const pending = () =>
    Math.ceil(answered() - journal.runs.size / HANDLERS.length);
  let turn = 0;
  let isRush = false;
  const url = async () => {
    for (;;) {
      const next = installation.url(turn++);
      const mayCall = isRush || pending() < MAX_PENDING;
      if (next !== undefined && mayCall) return next;
      await sleep(CHECK_EVERY_MS);
    }
  };
  callers = new Callers(count, SECRET, url, random);
  const pick = <T>(choices: readonly T[]) =>
    choices[Math.floor(random() * choices.length)]!;
  for (let kill = 1; kill <= kills * 3; kill++) {
    await sleep(random() * killWithinMs);
    const victim = [pick(receivers), pick(workers), engine][kill % 3]!;
    await victim.whenUp();
    isRush = true;
    await sleep(CHECK_EVERY_MS + random() * RUSH_WITHIN_MS);
    // Every other worker is not killed but suspended for longer than its lease, then resumed.
    const isSuspended = kill % 6 === 1;
    if (isSuspended) await suspend(victim.running as Server);
    else await victim.kill();
    isRush = false;
    onKill?.(kill, `${answered()} answered, ${pending()} pending`);
  }
  await callers.stop();
  await installation.whenUp();
  return callers;
}

async function suspend({ process }: Server): Promise<void> {
  process.kill('SIGSTOP');
  await sleep(SUSPENDED_MS);
  process.kill('SIGCONT');
}

/** Returns the handler runs that are still missing after the time limit. */
async function missingRuns(
  answered: readonly number[],
  journal: Journal,
): Promise<string[]> {
  const until = performance.now() + SETTLE_WITHIN_MS;
  let missing = answered.flatMap(number =>
    HANDLERS.map(handler => `${handler} ${number}`),
  );
  for (;;) {
    missing = missing.filter(run => !journal.runs.has(run));
    if (missing.length === 0 || performance.now() > until) return missing;
    await sleep(CHECK_EVERY_MS);
  }
}

/** Returns the numbers of rows that remain when all events are handled, or after the time limit. */
async function remainingRows(
  installation: PostgresInstallation,
): Promise<Record<string, number>> {
  const until = performance.now() + SETTLE_WITHIN_MS;
  for (;;) {
    const [counts] = await installation.query<Record<string, number>>(
      `SELECT (SELECT count(*)::int FROM xenioo.event) AS events, (SELECT count(*)::int FROM xenioo.lane) AS lanes,
              (SELECT count(*)::int FROM xenioo.retry) AS retries, (SELECT count(*)::int FROM xenioo.dead_letter) AS letters`,
    );
    const left = Object.entries(counts!).filter(([, count]) => count > 0);
    const isSettled = left.every(([table]) => table === 'letters');
    if (isSettled || performance.now() > until) {
      return Object.fromEntries(left);
    }
    await sleep(CHECK_EVERY_MS);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
