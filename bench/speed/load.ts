import autocannon from 'autocannon';
import { Body, SECRET } from '../body.js';
import { figure, median } from '../report.js';
import type { Server } from './server.js';

export interface Load {
  /** Events of a call. */
  readonly events: number;
  readonly connections: number;
  /** Pace of the calls; as fast as they are answered without it. */
  readonly callsPerSecond?: number;
}

export interface Measured {
  readonly callsPerSecond: number;
  /** Of the times from a call to its answer, not rounded to milliseconds. */
  readonly medianMs: number;
  readonly p99Ms: number;
  /** CPU time of the server. */
  readonly cpuMsPerCall: number;
  /** Share of the time that the load generator was busy. Near 1, the load generator is the limit. */
  readonly loadBusy: number;
}

/** The method of autocannon's clients that makes the bytes of the next call; its types leave it out. */
interface Sending {
  getRequestBuffer(): Buffer;
}

export function nameOfLoad({ events }: Load): string {
  return events === 1 ? 'single' : `arrays of ${figure(events)}`;
}

/**
 * Sends calls and measures the time from the first one that is sent to the last answer.
 * A server that interleaves calls answers the first one late, and would gain from a clock that starts there.
 */
export async function measureLoad(
  server: Server,
  load: Load,
  calls: number,
): Promise<Measured> {
  const before = await server.ask();
  const body = new Body(load.events);
  const loop = performance.eventLoopUtilization();
  let startedAt: number | undefined;
  let lastAnswerAt = 0;
  const answerTimes: number[] = [];
  const result = await autocannon({
    url: load.events === 1 ? server.urls.one : server.urls.many,
    method: 'POST',
    headers: {
      authorization: `Bearer ${SECRET}`,
      'content-type': 'application/json',
    },
    body: body.bytes,
    connections: load.connections,
    amount: calls,
    ...(load.callsPerSecond && { overallRate: load.callsPerSecond }),
    timeout: 120,
    // Interval in which autocannon notices that it is done.
    sampleInt: 20,
    setupClient: client => {
      startedAt ??= performance.now();
      renewEachCall(client as unknown as Sending, body);
      client.on('response', (_status, _bytes, answerTime) => {
        lastAnswerAt = performance.now();
        answerTimes.push(answerTime);
      });
    },
  });
  const { utilization: loadBusy } = performance.eventLoopUtilization(loop);
  const after = await server.ask();
  assertAllAnswered(result, calls);
  if (after.handled !== undefined) {
    const handled = after.handled - before.handled!;
    const events = calls * load.events;
    if (handled !== events) {
      throw new Error(`${events} events sent, ${handled} handled`);
    }
  }
  return {
    callsPerSecond: (calls * 1_000) / (lastAnswerAt - startedAt!),
    medianMs: median(answerTimes),
    p99Ms: result.latency.p99,
    cpuMsPerCall: (after.cpuMs - before.cpuMs) / calls,
    loadBusy,
  };
}

/**
 * Renews the events of a client's call in place before each call. Building the call anew, as `setupRequest` does,
 * would be measured too.
 */
function renewEachCall(client: Sending, body: Body): void {
  const build = client.getRequestBuffer.bind(client);
  let bytes: Buffer | undefined;
  client.getRequestBuffer = () => body.renew((bytes ??= build()));
}

function assertAllAnswered(result: autocannon.Result, calls: number): void {
  const answered = result.statusCodeStats?.['200']?.count ?? 0;
  if (answered === calls && result.errors === 0) return;
  throw new Error(
    `${calls} calls, ${answered} answered 200, ${result.errors} errors`,
  );
}
