import autocannon from 'autocannon';
import { Queue } from 'bullmq';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Body, SECRET } from '../body.js';
import { figure, median } from '../report.js';
import { post } from '../speed/post.js';
import type { Engine } from './engines.js';

export interface ScalingEffort {
  readonly rounds: number;
  readonly seconds: number;
  readonly events: number;
}

/** Compares receiving over HTTP with bare `node:http` and BullMQ's `addBulk()`. */
export async function receivingRows(
  engine: Engine,
  { rounds, seconds }: ScalingEffort,
): Promise<string[][]> {
  const ours = await start('our.process.js', ['web', engine.url, 'ours']);
  const bare = await start('bare.process.js', [engine.url, 'bare']);
  const rows: string[][] = [];
  for (const { events, callers } of [
    { events: 1, callers: 64 },
    { events: 1_000, callers: 8 },
  ]) {
    const measured: { ours: Received; bare: Received }[] = [];
    for (let round = 0; round < rounds; round++) {
      measured.push({
        ours: await receive(ours.url!, events, callers, seconds),
        bare: await receive(bare.url!, events, callers, seconds),
      });
      for (const name of ['ours', 'bare']) {
        await withQueue(engine, name, queue => queue.drain());
      }
    }
    const of = (pick: (each: (typeof measured)[number]) => number) =>
      figure(median(measured.map(pick)));
    rows.push([
      `${engine.name}: ${events === 1 ? 'single events' : 'arrays of 1,000'}, ${callers} callers`,
      of(each => Math.round(each.ours.eventsPerSecond)),
      of(each => Math.round(each.bare.eventsPerSecond)),
      of(each => each.ours.eventsPerSecond / each.bare.eventsPerSecond),
      of(each => each.ours.p99Ms),
    ]);
  }
  ours.child.disconnect();
  bare.child.disconnect();
  return rows;
}

/** Measures the events per second that 1, 2 and 4 worker processes handle. */
export async function handlingRow(
  engine: Engine,
  { events }: ScalingEffort,
): Promise<string[]> {
  const rates: number[] = [];
  for (const workers of [1, 2, 4]) {
    rates.push(await handle(engine, workers, events));
  }
  return [engine.name, ...rates.map(rate => figure(Math.round(rate)))];
}

interface Received {
  readonly eventsPerSecond: number;
  readonly p99Ms: number;
}

async function receive(
  url: string,
  events: number,
  callers: number,
  seconds: number,
): Promise<Received> {
  const body = new Body(events);
  const result = await autocannon({
    url,
    connections: callers,
    duration: seconds,
    timeout: 60,
    requests: [
      {
        method: 'POST',
        headers: {
          authorization: `Bearer ${SECRET}`,
          'content-type': 'application/json',
        },
        setupRequest: request => ({
          ...request,
          body: body.renew().toString(),
        }),
      },
    ],
  });
  const failed = result.non2xx + result.errors + result.timeouts;
  if (failed > 0) throw new Error(`${failed} calls failed`);
  return {
    eventsPerSecond: result.requests.average * events,
    p99Ms: result.latency.p99,
  };
}

async function handle(
  engine: Engine,
  workers: number,
  events: number,
): Promise<number> {
  const name = `handling-${workers}`;
  const web = await start('our.process.js', ['web', engine.url, name]);
  const rate = await withQueue(engine, name, async queue => {
    await queue.pause();
    const children = await Promise.all(
      Array.from({ length: workers }, () =>
        start('our.process.js', ['worker', engine.url, name]),
      ),
    );
    const body = new Body(500);
    for (let sent = 0; sent < events; sent += 500) {
      await post(web.url!, body.renew());
    }
    const startedAt = performance.now();
    await queue.resume();
    await emptied(queue);
    const seconds = (performance.now() - startedAt) / 1_000;
    for (const { child } of children) child.disconnect();
    return events / seconds;
  });
  web.child.disconnect();
  return rate;
}

async function start(
  file: string,
  args: readonly string[],
): Promise<{ child: ChildProcess; url?: string }> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args);
  const [message] = (await once(child, 'message')) as [{ url?: string }];
  return { child, ...message };
}

async function emptied(queue: Queue): Promise<void> {
  for (;;) {
    const counts = await queue.getJobCounts('waiting', 'active', 'delayed');
    if (Object.values(counts).every(count => count === 0)) return;
    await sleep(50);
  }
}

async function withQueue<T>(
  { url }: Engine,
  name: string,
  work: (queue: Queue) => Promise<T>,
): Promise<T> {
  const queue = new Queue(name, { connection: { url } });
  try {
    await queue.waitUntilReady();
    return await work(queue);
  } finally {
    await queue.close();
  }
}
