import autocannon from 'autocannon';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Body, SECRET } from '../body.js';
import { figure, median } from '../report.js';
import { post } from '../speed/post.js';
import type { XeniooInboxStats } from '../../lib/inbox/xenioo.inbox.js';
import type { Engine } from './engines.js';
import type { Request } from './our.process.js';

export interface ScalingEffort {
  readonly rounds: number;
  readonly seconds: number;
  readonly events: number;
}

/** Measures receiving over HTTP. For Redis, compares it with bare `node:http` and BullMQ's `addBulk()`. */
export async function receivingRows(
  engine: Engine,
  { rounds, seconds }: ScalingEffort,
): Promise<string[][]> {
  const rows: string[][] = [];
  for (const { events, callers } of [
    { events: 1, callers: 64 },
    { events: 1_000, callers: 8 },
  ]) {
    const measured: { ours: Received; bare?: Received }[] = [];
    for (let round = 0; round < rounds; round++) {
      const of = (child: Started) =>
        receive(child.url, events, callers, seconds);
      const name = `receiving-${events}-${round}`;
      measured.push({
        ours: await withProcess('our.process.js', ['web', engine, name], of),
        ...(engine.kind === 'redis' && {
          bare: await withProcess(
            'bare.process.js',
            [engine, `bare-${name}`],
            of,
          ),
        }),
      });
    }
    const medianOf = (pick: (each: (typeof measured)[number]) => number) =>
      figure(median(measured.map(pick)));
    const rateOf = (received?: Received) =>
      Math.round(received?.eventsPerSecond ?? 0);
    const hasBare = engine.kind === 'redis';
    rows.push([
      `${engine.name}: ${events === 1 ? 'single events' : 'arrays of 1,000'}, ${callers} callers`,
      medianOf(({ ours }) => rateOf(ours)),
      medianOf(({ ours }) => ours.p99Ms),
      hasBare ? medianOf(({ bare }) => rateOf(bare)) : '',
      hasBare ? medianOf(({ ours, bare }) => rateOf(ours) / rateOf(bare)) : '',
    ]);
  }
  return rows;
}

/**
 * Measures the events per second that 1, 2 and 4 worker processes handle: events that
 * were received before, or while they are received. With LMDB, the process that
 * receives handles as well, and no other.
 */
export async function handlingRow(
  engine: Engine,
  { events }: ScalingEffort,
  isBacklog: boolean,
): Promise<string[]> {
  const rates: string[] = [];
  for (const workers of [1, 2, 4]) {
    if (engine.kind === 'lmdb' && workers > 1) rates.push('');
    else {
      const rate = await handle(engine, workers, events, isBacklog);
      rates.push(figure(Math.round(rate)));
    }
  }
  return [engine.name, ...rates];
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
  isBacklog: boolean,
): Promise<number> {
  const name = `handling-${workers}-${isBacklog}`;
  return withProcess('our.process.js', ['web', engine, name], async web => {
    const others =
      engine.kind === 'lmdb'
        ? []
        : await Promise.all(
            Array.from({ length: workers }, () =>
              start('our.process.js', ['worker', engine, name]),
            ),
          );
    const handling = others.length > 0 ? others : [web];
    const resume = () =>
      Promise.all(handling.map(({ child }) => ask(child, 'resume')));
    const receiveAll = async () => {
      const body = new Body(500);
      for (let sent = 0; sent < events; sent += 500) {
        await post(web.url, body.renew());
      }
    };
    if (isBacklog) await receiveAll();
    const startedAt = performance.now();
    await resume();
    if (!isBacklog) await receiveAll();
    for (;;) {
      const { pending, running, retries } = await ask(web.child, 'stats');
      if (pending + running + retries === 0) break;
      await sleep(20);
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    for (const { child } of others) child.disconnect();
    return events / seconds;
  });
}

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
}

async function withProcess<T>(
  file: string,
  args: Parameters<typeof start>[1],
  work: (started: Started) => Promise<T>,
): Promise<T> {
  const started = await start(file, args);
  try {
    return await work(started);
  } finally {
    const { child } = started;
    const exited = once(child, 'exit');
    child.disconnect();
    await exited;
  }
}

async function start(
  file: string,
  args: readonly (string | Engine)[],
): Promise<Started> {
  const child = fork(
    fileURLToPath(new URL(file, import.meta.url)),
    args.flatMap(each =>
      typeof each === 'string' ? each : [each.kind, each.storage],
    ),
  );
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return { child, url };
}

/** Returns the counts of a process after a request. */
async function ask(
  child: ChildProcess,
  request: Request,
): Promise<XeniooInboxStats> {
  const answered = once(child, 'message');
  child.send(request);
  const [stats] = (await answered) as [XeniooInboxStats];
  return stats;
}
