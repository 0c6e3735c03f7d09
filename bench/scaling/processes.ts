import autocannon from 'autocannon';
import { Queue } from 'bullmq';
import { XeniooSender } from 'nestjs-xenioo/testing';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { nextBody } from '../inboxes/body.js';
import { backendOf, type Place } from './places.js';
import { median, say } from './report.js';

const PROCESS = fileURLToPath(new URL('process.js', import.meta.url));

/** How many events one process receives over HTTP, and answers 200, in a second. */
export async function measureReceiving(
  place: Place,
  rounds: number,
  seconds: number,
): Promise<void> {
  const { child, url } = await start('web', place, 'receiving');
  for (const { size, callers } of [
    { size: 1, callers: 64 },
    { size: 1_000, callers: 8 },
  ]) {
    const rates: number[] = [];
    const p99s: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const result = await autocannon({
        url: url!,
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
      rates.push(result.requests.average * size);
      p99s.push(result.latency.p99);
      await withQueue(place, 'receiving', queue => queue.drain());
    }
    say(
      `| ${place.name} | ${size === 1 ? 'single events' : 'arrays of 1,000'}, ${callers} connections | ${median(rates).toFixed(0)} | ${median(p99s).toFixed(0)} |`,
    );
  }
  child.disconnect();
}

/** How many events 1, 2 and 4 worker processes handle in a second. */
export async function measureWorking(
  place: Place,
  events: number,
): Promise<void> {
  for (const workers of [1, 2, 4]) {
    const name = `working-${workers}`;
    const { child: web, url } = await start('web', place, name);
    const rate = await withQueue(place, name, async queue => {
      await queue.pause();
      const children = await Promise.all(
        Array.from({ length: workers }, () => start('worker', place, name)),
      );
      await fill(url!, events);
      const started = performance.now();
      await queue.resume();
      await untilEmpty(queue);
      const passed = performance.now() - started;
      for (const { child } of children) child.disconnect();
      return (events * 1_000) / passed;
    });
    web.disconnect();
    say(`| ${place.name} | ${workers} | ${rate.toFixed(0)} |`);
  }
}

async function start(
  role: string,
  { url }: Place,
  queue: string,
): Promise<{ child: ChildProcess; url?: string }> {
  const child = fork(PROCESS, [role, url, queue]);
  const [answer] = (await once(child, 'message')) as [{ url?: string }];
  return { child, ...answer };
}

async function fill(url: string, events: number): Promise<void> {
  const sender = new XeniooSender({ url, secret: 'right-secret' });
  for (let sent = 0; sent < events; sent += 500) {
    const { failure } = await sender.call(nextBody(500));
    if (failure !== undefined) throw new Error(`The call ${failure}`);
  }
  sender.close();
}

async function untilEmpty(queue: Queue): Promise<void> {
  for (;;) {
    const counts = await queue.getJobCounts('waiting', 'active', 'delayed');
    if (Object.values(counts).every(count => count === 0)) return;
    await sleep(50);
  }
}

async function withQueue<T>(
  place: Place,
  name: string,
  work: (queue: Queue) => Promise<T>,
): Promise<T> {
  const connection = place.connection as never;
  const queue = new Queue(name, { connection }, backendOf(place) as never);
  try {
    await queue.waitUntilReady();
    return await work(queue);
  } finally {
    await queue.close();
  }
}
