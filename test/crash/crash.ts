import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Callers } from './callers.js';
import { readFolder, type FolderRuns } from './read-folder.js';
import { startServer } from './start-server.js';

/** Plan of a crash test of the LMDB inbox. */
export interface CrashPlan {
  readonly kills: number;
  readonly callers: number;
  /** Number of servers that share the folder. */
  readonly processes: number;
  readonly adapter: 'express' | 'fastify';
  /** Path of the compiled server. */
  readonly server: string;
  readonly random: () => number;
  readonly onKill?: (kills: number, report: string) => void;
}

export interface CrashReport {
  /** Events that were answered 200. */
  readonly answered: number;
  /** Handler runs of these events that neither happened nor became dead letters. */
  readonly lost: string[];
  /** Runs that became dead letters because they were unrecorded at several kills. */
  readonly deadLetters: string[];
  /** Dead letters of runs that too few kills interrupted. */
  readonly deadLettersWithoutReason: string[];
  /** Number of runs that were repeated after a kill between their end and its record. */
  readonly repeated: number;
  /** Recorded runs that were repeated. */
  readonly repeatedWithoutReason: string[];
  /** Answers other than 200. */
  readonly refused: number[];
}

const SECRET = 'right-secret';
const HANDLERS = ['keep', 'notify'];

/** Three counted crashes, and the first one, which is never counted. */
const KILLS_OF_DEAD_LETTER = 4;

/** Kills servers under load, again and again, and accounts for every event that was answered 200. */
export async function crash(plan: CrashPlan): Promise<CrashReport> {
  const base = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-crash-'));
  const folder = join(base, 'inbox');
  const journal = join(base, 'journal');
  const { random, adapter } = plan;
  const start = () => startServer(plan.server, { folder, journal, adapter });
  let servers = await Promise.all(
    Array.from({ length: plan.processes }, start),
  );
  let starting: Promise<unknown> | undefined;
  let turn = 0;
  const callers = new Callers(
    plan.callers,
    SECRET,
    async () => {
      await starting;
      return servers[turn++ % servers.length]!.url;
    },
    random,
  );
  /** Number of kills at which a run was unrecorded. */
  const mayRepeat = new Map<string, number>();
  for (let kills = 1; kills <= plan.kills; kills++) {
    await sleep(20 + random() * 400);
    const victim = Math.floor(random() * servers.length);
    const others = servers.filter((_, index) => index !== victim);
    // Another server that takes over would record the runs before they are counted.
    for (const { process } of others) process.kill('SIGSTOP');
    await servers[victim]!.kill();
    const { unrecorded } = await readFolder(folder);
    for (const { process } of others) process.kill('SIGCONT');
    for (const run of unrecorded) {
      mayRepeat.set(run, (mayRepeat.get(run) ?? 0) + 1);
    }
    starting = start().then(server => {
      servers = servers.with(victim, server);
    });
    await starting;
    plan.onKill?.(
      kills,
      `${callers.answered.length} answered, ${unrecorded.length} runs not on record`,
    );
  }
  await callers.stop();
  for (const { process } of servers) {
    const idle = once(process, 'message');
    process.send('idle');
    await idle;
  }
  await Promise.all(servers.map(server => server.kill()));
  const left = await readFolder(folder);
  const runs = countLines(await readFile(journal, 'utf8'));
  await rm(base, { recursive: true });
  return {
    answered: callers.answered.length,
    refused: callers.refused,
    ...account(callers.answered, runs, mayRepeat, left),
  };
}

function account(
  answered: readonly number[],
  runs: ReadonlyMap<string, number>,
  mayRepeat: ReadonlyMap<string, number>,
  { unrecorded, deadLetters }: FolderRuns,
) {
  const lost = answered.flatMap(number =>
    HANDLERS.map(handler => `${handler} ${number}`).filter(
      run => !runs.has(run) && !deadLetters.includes(run),
    ),
  );
  let repeated = 0;
  const repeatedWithoutReason: string[] = [];
  for (const [run, times] of runs) {
    repeated += times - 1;
    if (times - 1 > (mayRepeat.get(run) ?? 0)) repeatedWithoutReason.push(run);
  }
  return {
    lost: [...lost, ...unrecorded],
    repeated,
    repeatedWithoutReason,
    deadLetters: [...deadLetters],
    deadLettersWithoutReason: deadLetters.filter(
      run => (mayRepeat.get(run) ?? 0) < KILLS_OF_DEAD_LETTER,
    ),
  };
}

function countLines(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line) lines.set(line, (lines.get(line) ?? 0) + 1);
  }
  return lines;
}
