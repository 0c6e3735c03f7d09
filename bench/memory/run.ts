import autocannon from 'autocannon';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Body, SECRET } from '../body.js';
import { say } from '../report.js';

/** Growth of memory that still counts as flat. */
const FLAT_BYTES = 24 * 2 ** 20;
/** Duration of a handler in the second part. With a concurrency of 32, handlers take 1,000 events a second. */
const HANDLER_MS = 32;
const EVENTS_PER_SECOND = 10_000;
const EVENTS_PER_CALL = 1_000;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '40' },
  },
});
const server = fileURLToPath(new URL('server.js', import.meta.url));
let hasFailed = false;

for (const inbox of ['memory', 'lmdb'] as const) {
  await measureMany(inbox);
  await measureOverload(inbox);
}
process.exitCode = hasFailed ? 1 : 0;

type Inbox = 'memory' | 'lmdb';

interface Measured {
  readonly handled: number;
  readonly bytes: number;
  readonly rss: number;
}

/** Sends many events, each with a new id, as fast as they are answered. */
async function measureMany(inbox: Inbox): Promise<void> {
  const { url, process, stop } = await start(inbox, 0);
  const events = Number(values.events);
  // After these, dedupe remembers as many ids as it ever does.
  await send(url, { amount: Math.max(120, events / 10_000) });
  const before = await ask(process, 'idle');
  await send(url, { amount: events / EVENTS_PER_CALL });
  const after = await ask(process, 'idle');
  report(`${inbox} inbox, ${events} events`, before, after);
  await stop();
}

/** Sends ten times the load that handlers can take. Once the inbox is full, memory must be flat. */
async function measureOverload(inbox: Inbox): Promise<void> {
  const { url, process, stop } = await start(inbox, HANDLER_MS);
  const seconds = Number(values.seconds) / 2;
  const overallRate = EVENTS_PER_SECOND / EVENTS_PER_CALL;
  const load = { duration: seconds, overallRate };
  await send(url, load);
  const before = await ask(process, 'memory');
  await send(url, load);
  const after = await ask(process, 'memory');
  report(`${inbox} inbox, ${seconds} s of ten times the load`, before, after);
  await stop();
}

async function start(inbox: Inbox, handlerMs: number) {
  const base = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-memory-'));
  const folder = inbox === 'lmdb' ? join(base, 'inbox') : undefined;
  const process = fork(server, [JSON.stringify({ folder, handlerMs })], {
    execArgv: ['--expose-gc'],
  });
  const [{ url }] = (await once(process, 'message')) as [{ url: string }];
  const stop = async () => {
    process.disconnect();
    await once(process, 'exit');
    await rm(base, { recursive: true });
  };
  return { url, process, stop };
}

async function send(
  url: string,
  load: { amount?: number; duration?: number; overallRate?: number },
): Promise<void> {
  const body = new Body(EVENTS_PER_CALL);
  await autocannon({
    url,
    connections: 8,
    timeout: 60,
    ...load,
    requests: [
      {
        method: 'POST',
        headers: { authorization: `Bearer ${SECRET}` },
        setupRequest: request => ({
          ...request,
          body: body.renew().toString(),
        }),
      },
    ],
  });
}

async function ask(
  process: ChildProcess,
  question: 'memory' | 'idle',
): Promise<Measured> {
  const answered = once(process, 'message');
  process.send(question);
  const [measured] = (await answered) as [Measured];
  return measured;
}

function report(title: string, before: Measured, after: Measured): void {
  const isFlat = after.bytes - before.bytes <= FLAT_BYTES;
  hasFailed ||= !isFlat;
  const handled = after.handled - before.handled;
  say(
    `${title}: ${handled} handled, ${megabytes(before.bytes)} MB before, ${megabytes(after.bytes)} MB after (rss ${megabytes(before.rss)}, ${megabytes(after.rss)}): ${isFlat ? 'flat' : 'NOT FLAT'}`,
  );
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
