import autocannon from 'autocannon';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nextBody } from './body.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);

/** Events in a call, and callers. */
const LOADS = [
  { size: 1, callers: 1 },
  { size: 1, callers: 64 },
  { size: 1_000, callers: 1 },
  { size: 1_000, callers: 64 },
];

interface Measured {
  readonly callsPerSecond: number;
  readonly p99Ms: number;
  readonly loopP99Ms?: number;
}

const base = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-bench-'));
const server = fileURLToPath(new URL('server.js', import.meta.url));
const memory = await startServer([]);
const lmdb = await startServer([join(base, 'inbox')]);

say('| events a call | callers | | calls/s | p99 ms | event loop p99 ms |');
say('| --- | --- | --- | --- | --- | --- |');
for (const load of LOADS) {
  const results: Record<string, Measured[]> = {
    memory: [],
    lmdb: [],
    disk: [],
  };
  for (let round = 0; round < rounds; round++) {
    results['memory']!.push(await measure(memory, load));
    results['lmdb']!.push(await measure(lmdb, load));
    results['disk']!.push(measureDisk(load));
  }
  const [inMemory, onDisk, limit] = Object.values(results).map(median);
  tell(load, 'memory inbox', inMemory!);
  tell(load, 'LMDB inbox', onDisk!);
  tell(load, 'append + fdatasync', limit!);
  const ratio = onDisk!.callsPerSecond / inMemory!.callsPerSecond;
  const syncs = onDisk!.p99Ms / limit!.p99Ms;
  say(
    `| | | LMDB to memory: ${ratio.toFixed(2)} | | p99 in syncs: ${syncs.toFixed(1)} | |`,
  );
}
for (const { process } of [memory, lmdb]) process.disconnect();
await rm(base, { recursive: true });

interface Load {
  readonly size: number;
  readonly callers: number;
}

interface Server {
  readonly process: ChildProcess;
  readonly url: string;
}

async function startServer(args: string[]): Promise<Server> {
  const process = fork(server, args);
  const [{ url }] = (await once(process, 'message')) as [{ url: string }];
  return { process, url };
}

async function measure(
  { process, url }: Server,
  { size, callers }: Load,
): Promise<Measured> {
  await askDelay(process);
  const result = await autocannon({
    url,
    connections: callers,
    duration: seconds,
    timeout: 60,
    requests: [
      {
        method: 'POST',
        headers: {
          authorization: 'Bearer right-secret',
          'content-type': 'application/json',
        },
        setupRequest: request => ({ ...request, body: nextBody(size) }),
      },
    ],
  });
  const failed = result.non2xx + result.errors + result.timeouts;
  if (failed > 0) throw new Error(`${failed} calls failed`);
  return {
    callsPerSecond: result.requests.average,
    p99Ms: result.latency.p99,
    loopP99Ms: await askDelay(process),
  };
}

async function askDelay(process: ChildProcess): Promise<number> {
  const answered = once(process, 'message');
  process.send('delay');
  const [{ delayMs }] = (await answered) as [{ delayMs: number }];
  return delayMs;
}

/** The limit: as many bytes as callers send at a time, appended to a file and synced, again and again. */
function measureDisk({ size, callers }: Load): Measured {
  const file = openSync(join(base, 'append'), 'a');
  const bytes = Buffer.from(nextBody(size * callers));
  const times: number[] = [];
  const ends = performance.now() + Math.min(seconds, 2) * 1_000;
  const started = performance.now();
  while (performance.now() < ends) {
    const before = performance.now();
    writeSync(file, bytes);
    fdatasyncSync(file);
    times.push(performance.now() - before);
  }
  const passed = (performance.now() - started) / 1_000;
  closeSync(file);
  const sorted = times.toSorted((a, b) => a - b);
  return {
    callsPerSecond: (times.length * callers) / passed,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)]!,
  };
}

function median(measured: readonly Measured[]): Measured {
  const sorted = measured.toSorted(
    (a, b) => a.callsPerSecond - b.callsPerSecond,
  );
  return sorted[Math.floor(sorted.length / 2)]!;
}

function tell({ size, callers }: Load, name: string, measured: Measured) {
  const { callsPerSecond, p99Ms, loopP99Ms } = measured;
  const loop = loopP99Ms === undefined ? '' : loopP99Ms.toFixed(1);
  say(
    `| ${size} | ${callers} | ${name} | ${callsPerSecond.toFixed(0)} | ${p99Ms.toFixed(1)} | ${loop} |`,
  );
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
