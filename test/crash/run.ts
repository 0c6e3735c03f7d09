import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { missingEngine } from '../support/engines/find-engines.js';
import { crashBullmq } from './crash-bullmq.js';
import { crashPostgres } from './crash-postgres.js';
import { crash } from './crash.js';

const { values } = parseArgs({
  options: {
    inbox: { type: 'string', default: 'lmdb,bullmq,postgres' },
    kills: { type: 'string' },
    callers: { type: 'string', default: '16' },
    processes: { type: 'string', default: '1,2' },
  },
});
const callers = Number(values.callers);
let hasFailed = false;

for (const inbox of values.inbox.split(',')) {
  if (inbox === 'lmdb') await crashLmdb();
  else if (inbox === 'bullmq') await crashRedis();
  else if (inbox === 'postgres') await crashPostgreSql();
  else
    throw new Error(
      `expected lmdb, bullmq or postgres as --inbox, got ${inbox}`,
    );
}
process.exitCode = hasFailed ? 1 : 0;

async function crashLmdb(): Promise<void> {
  for (const processes of values.processes.split(',').map(Number)) {
    for (const adapter of ['express', 'fastify'] as const) {
      say(`${processes} processes on ${adapter}`);
      const report = await crash({
        kills: Number(values.kills ?? 50),
        callers,
        processes,
        adapter,
        server: compiled('server.js'),
        random: Math.random,
        onKill: sayEvery(10),
      });
      const { answered, lost, repeated, refused, deadLetters } = report;
      const wrong = [
        ...lost,
        ...report.repeatedWithoutReason,
        ...report.deadLettersWithoutReason,
      ];
      say(
        `  ${answered} events answered 200: ${lost.length} runs of handlers lost, ${repeated} repeated, of which ${report.repeatedWithoutReason.length} were recorded; ${deadLetters.length} in dead letters, of which ${report.deadLettersWithoutReason.length} without reason; ${refused.length} calls refused`,
      );
      for (const run of wrong.slice(0, 10)) say(`  ${run}`);
      hasFailed ||= wrong.length > 0;
    }
  }
}

async function crashRedis(): Promise<void> {
  const missing = missingEngine('redis');
  if (missing !== undefined) {
    say(missing);
    hasFailed = true;
    return;
  }
  say('2 receivers, 2 workers and Redis');
  const report = await crashBullmq({
    kills: Number(values.kills ?? 20),
    killWithinMs: 4_000,
    callers,
    process: compiled('bullmq-process.js'),
    random: Math.random,
    onKill: sayEvery(6),
  });
  const { answered, lost, repeated, left, refused, kept } = report;
  const { failed: letters = 0, ...others } = left;
  const jobs = Object.values(others).reduce((sum, count) => sum + count, 0);
  say(
    `  ${answered} events answered 200: ${lost.length} runs of handlers lost, ${repeated} repeated; ${letters} dead letters, ${jobs} jobs left; ${refused.length} calls refused, ${report.brokenOff} broken off; all handled ${(report.settledAfterMs / 1_000).toFixed(1)} s after the last call`,
  );
  for (const run of lost.slice(0, 10)) say(`  ${run}`);
  if (kept !== undefined) say(`  the logs are in ${kept}`);
  hasFailed ||= lost.length + letters + jobs > 0;
}

async function crashPostgreSql(): Promise<void> {
  const missing = missingEngine('postgres');
  if (missing !== undefined) {
    say(missing);
    hasFailed = true;
    return;
  }
  say('2 receivers, 2 workers and PostgreSQL');
  const report = await crashPostgres({
    kills: Number(values.kills ?? 20),
    killWithinMs: 4_000,
    callers,
    process: compiled('postgres-process.js'),
    random: Math.random,
    onKill: sayEvery(6),
  });
  const { answered, lost, repeated, left, refused, kept } = report;
  const { unwritten, writtenTwice } = report;
  say(
    `  ${answered} events answered 200: ${lost.length} runs of handlers lost, ${repeated} repeated; rows of the transactional handler: ${unwritten.length} missing, ${writtenTwice.length} twice; left: ${JSON.stringify(left)}; ${refused.length} calls refused, ${report.brokenOff} broken off; all handled ${(report.settledAfterMs / 1_000).toFixed(1)} s after the last call`,
  );
  for (const run of lost.slice(0, 10)) say(`  ${run}`);
  for (const number of [...unwritten, ...writtenTwice].slice(0, 10)) {
    say(`  write ${number}`);
  }
  if (kept !== undefined) say(`  the logs are in ${kept}`);
  hasFailed ||=
    lost.length +
      unwritten.length +
      writtenTwice.length +
      Object.keys(left).length >
    0;
}

function sayEvery(times: number) {
  return (kills: number, report: string) => {
    if (kills % times === 0) say(`  ${kills} kills: ${report}`);
  };
}

function compiled(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
