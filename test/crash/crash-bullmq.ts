import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BullmqInstallation,
  type BullmqInstallationPlan,
} from './bullmq-installation.js';
import { Callers } from './callers.js';
import { Journal } from './journal.js';

/** Plan of a crash test of the BullMQ inbox. */
export interface BullmqCrashPlan extends Omit<
  BullmqInstallationPlan,
  'folder'
> {
  /** Number of kills of a receiver, of a worker and of Redis, each. */
  readonly kills: number;
  /** Approximate upper bound of the time between two kills. */
  readonly killWithinMs: number;
  readonly callers: number;
  readonly onKill?: (kills: number, report: string) => void;
}

export interface BullmqCrashReport {
  /** Events that were answered 200. */
  readonly answered: number;
  /** Handler runs of these events that never happened. */
  readonly lost: string[];
  /** Number of repeated runs. */
  readonly repeated: number;
  /** Remaining jobs in the queue by state; failed ones are dead letters. */
  readonly left: Record<string, number>;
  /** Answers other than 200. */
  readonly refused: number[];
  /** Number of calls without an answer. */
  readonly brokenOff: number;
  /** Time from the last call until all events were handled. */
  readonly settledAfterMs: number;
  /** Folder with the logs, kept when a run is lost or a job remains. */
  readonly kept: string | undefined;
}

const SECRET = 'right-secret';
const HANDLERS = ['keep', 'notify', 'enrich'];

/** Limit of pending events above which callers wait, so that the rest is handled soon at the end. */
const MOST_PENDING = 5_000;

/** Upper bound of the time before a kill in which callers don't wait, so that each kill interrupts calls. */
const RUSH_WITHIN_MS = 400;

const POLL_INTERVAL_MS = 100;
const SETTLE_WITHIN_MS = 90_000;

/** Kills the processes of an installation under load, one after another, and accounts for every event that was answered 200. */
export async function crashBullmq(
  plan: BullmqCrashPlan,
): Promise<BullmqCrashReport> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-crash-'));
  const installation = await BullmqInstallation.start({ ...plan, folder });
  const journal = new Journal(installation.journals);
  const polling = setInterval(() => journal.read(), POLL_INTERVAL_MS);
  try {
    const callers = await callAndKill(plan, installation, journal);
    const { answered, refused, brokenOff } = callers;
    const endedAt = performance.now();
    const lost = await waitForMissingRuns(answered, journal);
    const left = await waitForRemainingJobs(installation);
    const hasPassed = lost.length === 0 && Object.keys(left).length === 0;
    if (hasPassed) await rm(folder, { recursive: true });
    return {
      answered: answered.length,
      lost,
      repeated: sum([...journal.runs.values()].map(times => times - 1)),
      left,
      refused,
      brokenOff,
      settledAfterMs: performance.now() - endedAt,
      kept: hasPassed ? undefined : folder,
    };
  } finally {
    clearInterval(polling);
    journal.close();
    await installation.stop();
  }
}

async function callAndKill(
  { kills, killWithinMs, callers: count, random, onKill }: BullmqCrashPlan,
  installation: BullmqInstallation,
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
      await sleep(POLL_INTERVAL_MS);
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
    await sleep(POLL_INTERVAL_MS + random() * RUSH_WITHIN_MS);
    await victim.kill();
    isRush = false;
    onKill?.(kill, `${answered()} answered, ${pending()} pending`);
  }
  await callers.stop();
  await installation.whenUp();
  return callers;
}

/** Waits for all runs and returns those that are still missing at the deadline. */
async function waitForMissingRuns(
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
    await sleep(POLL_INTERVAL_MS);
  }
}

/** Waits for an empty queue and returns the remaining jobs by state at the deadline. */
async function waitForRemainingJobs(
  installation: BullmqInstallation,
): Promise<Record<string, number>> {
  const until = performance.now() + SETTLE_WITHIN_MS;
  for (;;) {
    const counts = await installation.countJobs();
    const left = Object.entries(counts).filter(([, count]) => count > 0);
    const hasOnlyFailed = left.every(([state]) => state === 'failed');
    if (hasOnlyFailed || performance.now() > until)
      return Object.fromEntries(left);
    await sleep(POLL_INTERVAL_MS);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
