import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { CallerAnswer, CallerTask } from './caller.js';
import {
  ADAPTERS,
  SECRET,
  startFuzzHost,
  type AdapterName,
} from './fuzz-host.js';

const WARM_UP = 5_000;
/** Small enough that the dead letters of large bodies fit into the memory inbox. */
const BATCH = 100;
const AT_ONCE = 8;
/** Allowed growth of memory between the warm-up and the end. */
const ALLOWED_GROWTH_BYTES = 16 * 2 ** 20;
const FAILURES_SHOWN = 20;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    count: { type: 'string', default: '100000' },
    from: { type: 'string', default: '0' },
    adapter: { type: 'string' },
  },
});
const seed = whole(values.seed ?? `${Date.now() % 2 ** 31}`, 'seed');
const count = whole(values.count, 'count');
const from = whole(values.from, 'from');

const failures: string[] = [];
process.on('uncaughtException', error => fail(`uncaught: ${error.stack}`));

say(`seed ${seed}, ${count} bodies from ${from} on, on each adapter`);
for (const adapter of Object.keys(ADAPTERS) as AdapterName[]) {
  if (values.adapter === undefined || values.adapter === adapter) {
    await fuzz(adapter);
  }
}
say(
  failures.length === 0
    ? `passed, with seed ${seed}`
    : `${failures.length} failures, with seed ${seed}`,
);
process.exitCode = failures.length === 0 ? 0 : 1;

async function fuzz(adapter: AdapterName): Promise<void> {
  const host = await startFuzzHost(adapter);
  const { counts, status } = host;
  const caller = fork(fileURLToPath(new URL('caller.js', import.meta.url)));
  const gone = new AbortController();
  caller.on('exit', () => gone.abort());
  const call = async (
    part: Pick<CallerTask, 'from' | 'count' | 'atOnce'>,
  ): Promise<CallerAnswer> => {
    const answered = once(caller, 'message', { signal: gone.signal });
    caller.send({ url: host.url, secret: SECRET, seed, ...part });
    const [answer] = (await answered) as [CallerAnswer];
    await host.idle();
    return answer;
  };
  /** Sends a batch and compares the sent entries with the handled ones. */
  const sendBatch = async (first: number, size: number) => {
    const before = counts.entries;
    const invalidBefore = counts.invalid;
    const part = { from: first, count: size, atOnce: AT_ONCE };
    const answer = await call(part);
    const letters = await host.removeLetters();
    const invalid = counts.invalid - invalidBefore;
    if (letters !== invalid) {
      fail(
        `${adapter}: ${letters} dead letters of ${invalid} invalid entries in bodies ${first} to ${first + size - 1}`,
      );
    }
    for (const failure of answer.failures) fail(`${adapter}: ${failure}`);
    if (counts.entries - before !== answer.entries) {
      fail(
        `${adapter}: ${answer.entries} entries sent in bodies ${first} to ${first + size - 1}, ${counts.entries - before} handled`,
      );
      await reportBodies(first, size);
    }
    return answer;
  };
  /** Sends the bodies of a batch one by one and reports those with missing entries. */
  const reportBodies = async (first: number, size: number) => {
    for (let index = first; index < first + size; index++) {
      const before = counts.entries;
      const { entries } = await call({ from: index, count: 1, atOnce: 1 });
      await host.removeLetters();
      const handled = counts.entries - before;
      if (handled !== entries) {
        fail(
          `${adapter}: body ${index} has ${entries} entries, ${handled} handled`,
        );
      }
    }
  };

  // Warms up with bodies that the run itself does not use.
  for (let sent = 0; sent < Math.min(WARM_UP, count); sent += BATCH) {
    await sendBatch(from + count + sent, BATCH);
  }
  const memoryBefore = memory();
  const before = { events: counts.events, invalid: counts.invalid };

  const started = performance.now();
  const sum = { entries: 0, bytes: 0 };
  let highest = 0;
  for (let sent = 0; sent < count; sent += BATCH) {
    const answer = await sendBatch(from + sent, Math.min(BATCH, count - sent));
    sum.entries += answer.entries;
    sum.bytes += answer.bytes;
    highest = Math.max(highest, process.memoryUsage().heapUsed);
    const done = Math.min(sent + BATCH, count);
    if (done % 10_000 === 0 || done === count) {
      const seconds = (performance.now() - started) / 1_000;
      say(
        `${adapter}: ${done} bodies, ${Math.round(done / seconds)}/s, ${failures.length} failures`,
      );
    }
  }
  const seconds = (performance.now() - started) / 1_000;
  const connections = host.connections();
  const memoryAfter = memory();
  caller.disconnect();
  await host.app.close();

  if (memoryAfter - memoryBefore > ALLOWED_GROWTH_BYTES) {
    fail(
      `${adapter}: holds ${megabytes(memoryAfter - memoryBefore)} MB more memory`,
    );
  }
  if (status.strikes > 0) fail(`${adapter}: ${status.strikes} strikes`);
  if ('polluted' in {}) fail(`${adapter}: Object.prototype is polluted`);
  for (const line of host.logged) fail(`${adapter} logged: ${line}`);
  say(
    [
      `${adapter}: ${count} bodies (${megabytes(sum.bytes)} MB) in ${seconds.toFixed(1)} s over ${connections} connections`,
      `${sum.entries} entries sent: ${counts.events - before.events} events, ${counts.invalid - before.invalid} invalid`,
      `memory ${megabytes(memoryBefore)} MB after warm-up, ${megabytes(memoryAfter)} MB at the end, heap at most ${megabytes(highest)} MB`,
    ].join('\n  '),
  );
}

/** Returns the memory of the server after garbage collection. */
function memory(): number {
  if (!global.gc) throw new Error('Run it with node --expose-gc.');
  for (let n = 0; n < 3; n++) global.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

function whole(value: string, name: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error(`Expected --${name} to be a whole number, got ${value}`);
}

function fail(problem: string): void {
  failures.push(problem);
  if (failures.length <= FAILURES_SHOWN) say(problem);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
