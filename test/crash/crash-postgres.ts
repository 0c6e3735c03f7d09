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

/** What is to be done to an installation with the PostgreSQL inbox. */
export interface PostgresCrashPlan extends Omit<
  PostgresInstallationPlan,
  'folder'
> {
  /** How often a process that receives is killed, how often one that handles, and how often PostgreSQL. */
  readonly kills: number;
  /** From one kill to the next at most, about. */
  readonly killWithinMs: number;
  readonly callers: number;
  readonly onKill?: (kills: number, report: string) => void;
}

export interface PostgresCrashReport {
  /** Events that were answered 200. */
  readonly answered: number;
  /** Of these, runs of handlers that have not come. */
  readonly lost: string[];
  /** Runs that came again. */
  readonly repeated: number;
  /** Rows that are left in tables of the inbox. */
  readonly left: Record<string, number>;
  /** Events answered 200 of which the transactional handler left no row, and events of which it left several. */
  readonly unwritten: number[];
  readonly writtenTwice: number[];
  /** Answers other than 200. */
  readonly refused: number[];
  /** Calls without an answer. */
  readonly brokenOff: number;
  /** How long it took from the end of the calls until all was handled. */
  readonly settledAfterMs: number;
  /** The folder with the logs, kept when something is lost or left. */
  readonly kept: string | undefined;
}

const SECRET = 'right-secret';
const HANDLERS = ['keep', 'tell', 'ask'];

/** While so many events have not been handled callers wait, so that what is pending at the end is handled soon. */
const MOST_PENDING = 5_000;

/** For so long at most before a kill callers don't wait: each hits calls that are under way. */
const RUSH_WITHIN_MS = 400;

/** Longer than the lease of the processes. */
const FROZEN_MS = 3_500;

const LOOK_EVERY_MS = 100;
const SETTLE_WITHIN_MS = 90_000;

/** Kills the processes of an installation under load, one after another, and accounts for every event that was answered 200. */
export async function crashPostgres(
  plan: PostgresCrashPlan,
): Promise<PostgresCrashReport> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-crash-'));
  const installation = await PostgresInstallation.start({ ...plan, folder });
  const journal = new Journal(installation.journals);
  const looking = setInterval(() => journal.read(), LOOK_EVERY_MS);
  try {
    const callers = await callAndKill(plan, installation, journal);
    const { answered, refused, brokenOff } = callers;
    const endedAt = performance.now();
    const lost = await runsThatDoNotCome(answered, journal);
    const left = await rowsThatStay(installation);
    const written = await installation.query<{ number: number; times: number }>(
      'SELECT number, count(*)::int AS times FROM note GROUP BY number',
    );
    const numbers = new Set(written.map(({ number }) => number));
    const unwritten = answered.filter(number => !numbers.has(number));
    const writtenTwice = written.flatMap(({ number, times }) =>
      times > 1 ? number : [],
    );
    const isWell =
      lost.length +
        unwritten.length +
        writtenTwice.length +
        Object.keys(left).length ===
      0;
    if (isWell) await rm(folder, { recursive: true });
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
      kept: isWell ? undefined : folder,
    };
  } finally {
    clearInterval(looking);
    journal.close();
    await installation.end();
  }
}

async function callAndKill(
  { kills, killWithinMs, callers: count, random, onKill }: PostgresCrashPlan,
  installation: PostgresInstallation,
  journal: Journal,
): Promise<Callers> {
  const { receiving, handling, engine } = installation;
  let callers: Callers | undefined;
  const answered = () => callers?.answered.length ?? 0;
  const pending = () =>
    Math.ceil(answered() - journal.runs.size / HANDLERS.length);
  let turn = 0;
  let isRush = false;
  const url = async () => {
    for (;;) {
      const next = installation.url(turn++);
      const mayCall = isRush || pending() < MOST_PENDING;
      if (next !== undefined && mayCall) return next;
      await sleep(LOOK_EVERY_MS);
    }
  };
  callers = new Callers(count, SECRET, url, random);
  const pick = <T>(choices: readonly T[]) =>
    choices[Math.floor(random() * choices.length)]!;
  for (let kill = 1; kill <= kills * 3; kill++) {
    await sleep(random() * killWithinMs);
    const victim = [pick(receiving), pick(handling), engine][kill % 3]!;
    await victim.whenUp();
    isRush = true;
    await sleep(LOOK_EVERY_MS + random() * RUSH_WITHIN_MS);
    // Every other time a process that handles is not killed: it hangs past its lease, and goes on.
    const isFrozen = kill % 6 === 1;
    if (isFrozen) await freeze(victim.running as Server);
    else await victim.kill();
    isRush = false;
    onKill?.(kill, `${answered()} answered, ${pending()} pending`);
  }
  await callers.stop();
  await installation.whenUp();
  return callers;
}

async function freeze({ process }: Server): Promise<void> {
  process.kill('SIGSTOP');
  await sleep(FROZEN_MS);
  process.kill('SIGCONT');
}

/** The runs that have not come when nothing more is to be expected. */
async function runsThatDoNotCome(
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
    await sleep(LOOK_EVERY_MS);
  }
}

/** The rows that are left when nothing is handled any more. */
async function rowsThatStay(
  installation: PostgresInstallation,
): Promise<Record<string, number>> {
  const until = performance.now() + SETTLE_WITHIN_MS;
  for (;;) {
    const [counts] = await installation.query<Record<string, number>>(
      `SELECT (SELECT count(*)::int FROM xenioo.event) AS events, (SELECT count(*)::int FROM xenioo.lane) AS lanes,
              (SELECT count(*)::int FROM xenioo.retry) AS retries, (SELECT count(*)::int FROM xenioo.dead_letter) AS letters`,
    );
    const left = Object.entries(counts!).filter(([, count]) => count > 0);
    const isHopeless = left.every(([table]) => table === 'letters');
    if (isHopeless || performance.now() > until) {
      return Object.fromEntries(left);
    }
    await sleep(LOOK_EVERY_MS);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
