import { Queue } from 'bullmq';
import type { XeniooEntry } from '../../lib/events/parse-entry.js';
import { parseBody } from '../../lib/events/parse-body.js';
import { BullmqInbox } from '../../lib/bullmq/bullmq.inbox.js';
import { resolveBullmqInboxOptions } from '../../lib/bullmq/bullmq.inbox-options.js';
import { createEngine } from '../../lib/bullmq/create-engine.js';
import { jobOf } from '../../lib/bullmq/stored-job.js';
import { nextBody } from '../inboxes/body.js';
import { backendOf, type Place } from './places.js';
import { median, say } from './report.js';

const DEDUPE = { ttlSeconds: 86_400, maxIds: 100_000 };
const TTL = { ttlMs: DEDUPE.ttlSeconds * 1_000 };

interface Load {
  readonly name: string;
  readonly size: number;
  readonly callers: number;
  /** Of each caller. */
  readonly calls: number;
}

const LOADS: Load[] = [
  { name: 'arrays of 1,000, one caller', size: 1_000, callers: 1, calls: 12 },
  { name: 'arrays of 1,000, 4 callers', size: 1_000, callers: 4, calls: 5 },
  { name: 'single events, 64 callers', size: 1, callers: 64, calls: 200 },
];

/** What the inbox accepts, beside what BullMQ takes of the same jobs without it. */
export async function measureAccepting(
  place: Place,
  rounds: number,
): Promise<void> {
  const options = resolveBullmqInboxOptions({
    connection: place.url,
    queue: 'accepting',
    worker: false,
  });
  const inbox = new BullmqInbox(await createEngine(options), options, {
    concurrency: 32,
    dedupe: DEDUPE,
    acceptTimeoutMs: 60_000,
  });
  const connection = place.connection as never;
  const queue = new Queue('bare', { connection }, backendOf(place) as never);
  await queue.waitUntilReady();
  await inbox.accept({ entries: entriesOf(1) });
  for (const load of LOADS) {
    const ours: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await rateOf(load, entries => inbox.accept({ entries })));
      bare.push(await bareRate(load, queue));
      await queue.drain();
      await emptied(place);
    }
    const [inboxRate, bareRates] = [median(ours), median(bare)];
    say(
      `| ${place.name} | ${load.name} | ${inboxRate.toFixed(0)} | ${bareRates.toFixed(0)} | ${(inboxRate / bareRates).toFixed(2)} |`,
    );
  }
  await inbox.stop(1_000);
  await queue.obliterate({ force: true });
  await queue.close();
}

/** Empties what the inbox has filled, so that each round begins alike. */
async function emptied(place: Place): Promise<void> {
  const connection = place.connection as never;
  const queue = new Queue(
    'accepting',
    { connection },
    backendOf(place) as never,
  );
  await queue.drain();
  await queue.close();
}

/** The same jobs, made and added by hand. */
async function bareRate(load: Load, queue: Queue): Promise<number> {
  return rateOf(load, entries => {
    if (load.size > 1) return queue.addBulk(entries.map(bareJobOf));
    const { name, data, opts } = bareJobOf(entries[0]!);
    return queue.add(name, data, opts);
  });
}

function bareJobOf(entry: XeniooEntry) {
  return jobOf(entry, { removeOnFail: { age: 1 } }, TTL);
}

/** Events a second. Entries are parsed before the clock runs. */
async function rateOf(
  { size, callers, calls }: Load,
  send: (entries: XeniooEntry[]) => Promise<unknown>,
): Promise<number> {
  const loads = Array.from({ length: callers }, () =>
    Array.from({ length: calls }, () => entriesOf(size)),
  );
  const started = performance.now();
  await Promise.all(
    loads.map(async own => {
      for (const load of own) await send(load);
    }),
  );
  return (size * callers * calls * 1_000) / (performance.now() - started);
}

function entriesOf(size: number): XeniooEntry[] {
  const bot = { name: 'default', secrets: ['secret'] };
  return parseBody(nextBody(size), { bot, receivedAt: new Date() });
}
