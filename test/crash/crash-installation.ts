import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineServer } from '../support/engines/engine-server.js';
import { Callers } from './callers.js';
import { Installation, type InstallationPlan } from './installation.js';
import { Journal } from './journal.js';
import type { Server } from './start-server.js';
import type { Supervised } from './supervised.js';

/** Options of a crash test of an installation. */
export interface CrashPlan extends Omit<InstallationPlan, 'folder'> {
  /** Number of kills of receiving processes, of workers and of the server of the inbox, each. */
  readonly kills: number;
  /** Approximate upper bound in milliseconds of the time between two kills. */
  readonly killWithinMs: number;
  readonly callers: number;
  readonly onKill?: (kills: number, report: string) => void;
}

/** Result of a crash test of an installation. */
export interface CrashReport {
  /** Number of events that were answered 200. */
  readonly answered: number;
  /** Missing handler runs of these events. */
  readonly lost: string[];
  /** Number of repeated handler runs. */
  readonly repeated: number;
  /** Numbers of what remains in the inbox, by kind. */
  readonly left: Record<string, number>;
  /** Status codes other than 200. */
  readonly refused: number[];
  /** Number of calls without an answer. */
  readonly brokenOff: number;
  /** Time in milliseconds from the last call until all events were handled. */
  readonly settledAfterMs: number;
  /** Folder with the logs; kept when the test finds a fault. */
  readonly kept: string | undefined;
}

/** The server of an inbox, for `crashInstallation()`. */
export interface CrashedInbox<Findings extends object> {
  start(): Promise<EngineServer>;
  /** Returns the numbers of what is in the inbox, by kind. */
  count(url: string): Promise<Record<string, number>>;
  /** Kind of `count()` that stays: dead letters. */
  readonly deadLetters: string;
  /** Kills a process, or does something else to it. */
  strike(
    victim: Supervised<Server | EngineServer>,
    kill: number,
  ): Promise<void>;
  /** Looks for faults of the events that were answered 200, once all of them are handled. */
  examine(
    url: string,
    answered: readonly number[],
  ): Promise<{ findings: Findings; hasFault: boolean }>;
}

const SECRET = 'right-secret';
const HANDLERS = ['keep', 'notify', 'enrich'];

/** Upper bound of the pending events above which callers wait, so that the run ends soon after the last call. */
const MAX_PENDING = 5_000;

/** Time in milliseconds before a kill in which callers do not wait, so that calls are in progress when it happens. */
const RUSH_WITHIN_MS = 400;

const CHECK_EVERY_MS = 100;
const SETTLE_WITHIN_MS = 90_000;

/** Kills the processes of an installation under load, one after another, and checks that every event answered 200 was handled. */
export async function crashInstallation<Findings extends object>(
  plan: CrashPlan,
  inbox: CrashedInbox<Findings>,
): Promise<CrashReport & Findings> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-crash-'));
  const engine = await inbox.start();
  const { url } = engine;
  const installation = new Installation({ ...plan, folder }, engine);
  const journal = new Journal(installation.journals);
  const reading = setInterval(() => journal.read(), CHECK_EVERY_MS);
  try {
    await installation.whenUp();
    const callers = await callAndKill(plan, inbox, installation, journal);
    const { answered, refused, brokenOff } = callers;
    const endedAt = performance.now();
    const lost = await missingRuns(answered, journal);
    const left = await countWhenSettled(inbox, url);
    const settledAfterMs = performance.now() - endedAt;
    const { findings, hasFault } = await inbox.examine(url, answered);
    const isOk =
      lost.length === 0 && Object.keys(left).length === 0 && !hasFault;
    if (isOk) await rm(folder, { recursive: true });
    return {
      ...findings,
      answered: answered.length,
      lost,
      repeated: sum([...journal.runs.values()].map(times => times - 1)),
      left,
      refused,
      brokenOff,
      settledAfterMs,
      kept: isOk ? undefined : folder,
    };
  } finally {
    clearInterval(reading);
    journal.close();
    await installation.stop();
  }
}

async function callAndKill(
  { kills, killWithinMs, callers: count, random, onKill }: CrashPlan,
  inbox: CrashedInbox<object>,
  installation: Installation,
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
    // The moment of a kill is random: there is no effect to wait for.
    await sleep(random() * killWithinMs);
    const victim = [pick(receivers), pick(workers), engine][kill % 3]!;
    await victim.whenUp();
    isRush = true;
    await sleep(CHECK_EVERY_MS + random() * RUSH_WITHIN_MS);
    await inbox.strike(victim, kill);
    isRush = false;
    onKill?.(kill, `${answered()} answered, ${pending()} pending`);
  }
  await callers.stop();
  await installation.whenUp();
  return callers;
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

/** Returns the numbers of what remains when all events are handled, or after the time limit. */
async function countWhenSettled(
  { count, deadLetters }: CrashedInbox<object>,
  url: string,
): Promise<Record<string, number>> {
  const until = performance.now() + SETTLE_WITHIN_MS;
  for (;;) {
    const left = Object.entries(await count(url)).filter(([, n]) => n > 0);
    const isSettled = left.every(([kind]) => kind === deadLetters);
    if (isSettled || performance.now() > until) return Object.fromEntries(left);
    await sleep(CHECK_EVERY_MS);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
