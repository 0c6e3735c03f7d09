import autocannon from 'autocannon';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nextBody } from '../inboxes/body.js';

/** How much more may be held at the end than before. */
const MORE_BYTES = 24 * 2 ** 20;
/** The handlers of the second part take 32 events at a time, each this long: 1,000 a second. */
const HANDLER_MS = 32;
const EVENTS_A_SECOND = 10_000;

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

/** So many events, each with an id of its own, as fast as they are taken. */
async function measureMany(inbox: Inbox): Promise<void> {
  const { url, process, end } = await start(inbox, 0);
  const events = Number(values.events);
  // By then dedupe remembers as many ids as it ever will.
  await send(url, { amount: Math.max(120, events / 10_000) });
  const before = await ask(process, 'idle');
  await send(url, { amount: events / 1_000 });
  const after = await ask(process, 'idle');
  tell(`${inbox} inbox, ${events} events`, before, after);
  await end();
}

/** Ten times what handlers can take: once what may be held is held, nothing more is. */
async function measureOverload(inbox: Inbox): Promise<void> {
  const { url, process, end } = await start(inbox, HANDLER_MS);
  const seconds = Number(values.seconds) / 2;
  const load = { duration: seconds, overallRate: EVENTS_A_SECOND / 1_000 };
  await send(url, load);
  const before = await ask(process, 'memory');
  await send(url, load);
  const after = await ask(process, 'memory');
  tell(`${inbox} inbox, ${seconds} s of ten times the load`, before, after);
  await end();
}

async function start(inbox: Inbox, handlerMs: number) {
  const base = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-memory-'));
  const folder = inbox === 'lmdb' ? join(base, 'inbox') : undefined;
  const process = fork(server, [JSON.stringify({ folder, handlerMs })], {
    execArgv: ['--expose-gc'],
  });
  const [{ url }] = (await once(process, 'message')) as [{ url: string }];
  const end = async () => {
    process.disconnect();
    await once(process, 'exit');
    await rm(base, { recursive: true });
  };
  return { url, process, end };
}

async function send(
  url: string,
  load: { amount?: number; duration?: number; overallRate?: number },
): Promise<void> {
  await autocannon({
    url,
    connections: 8,
    timeout: 60,
    ...load,
    requests: [
      {
        method: 'POST',
        headers: { authorization: 'Bearer right-secret' },
        setupRequest: request => ({ ...request, body: nextBody(1_000) }),
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

function tell(what: string, before: Measured, after: Measured): void {
  const isFlat = after.bytes - before.bytes <= MORE_BYTES;
  hasFailed ||= !isFlat;
  const handled = after.handled - before.handled;
  process.stdout.write(
    `${what}: ${handled} handled, ${megabytes(before.bytes)} MB before, ${megabytes(after.bytes)} MB after (rss ${megabytes(before.rss)}, ${megabytes(after.rss)}): ${isFlat ? 'flat' : 'NOT FLAT'}\n`,
  );
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
