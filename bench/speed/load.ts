import autocannon from 'autocannon';
import { Body, SECRET } from './bodies.js';
import type { Server } from './server.js';

/** Events in a call, and how many callers there are. */
export interface Load {
  readonly events: number;
  readonly connections: number;
}

export interface Measured {
  readonly callsPerSecond: number;
  /** The share of the time that the load generator had something to do: near 1, it is what was measured. */
  readonly loadBusy: number;
}

/** A method of autocannon's clients that its types leave out: what is sent next. */
interface Sending {
  getRequestBuffer(): Buffer;
}

/**
 * Sends so many calls, and tells how many were answered in a second, from the
 * first that is sent to the last answer: a server that works on several calls in
 * turns answers the first late, and would gain if time began there.
 */
export async function measureLoad(
  server: Server,
  load: Load,
  calls: number,
): Promise<Measured> {
  const { handled: before } = await server.ask();
  const body = new Body(load.events);
  const loop = performance.eventLoopUtilization();
  let startedAt: number | undefined;
  let lastAnswerAt = 0;
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
    timeout: 120,
    // It looks that often whether it has come to its end.
    sampleInt: 20,
    setupClient: client => {
      startedAt ??= performance.now();
      renewEachCall(client as unknown as Sending, body);
      client.on('response', () => (lastAnswerAt = performance.now()));
    },
  });
  const { utilization: loadBusy } = performance.eventLoopUtilization(loop);
  const { handled: after } = await server.ask();
  assertAllHandled(result, calls);
  const events = calls * load.events;
  if (after !== undefined && after - before! !== events) {
    throw new Error(`${events} events sent, ${after - before!} handled`);
  }
  const seconds = (lastAnswerAt - startedAt!) / 1_000;
  return { callsPerSecond: calls / seconds, loadBusy };
}

/**
 * Each client has the bytes of its one call made, head and body; they are
 * changed in place, when the answer to the last call is there. To have the call
 * built anew each time, as `setupRequest` does, would be measured too.
 */
function renewEachCall(client: Sending, body: Body): void {
  const build = client.getRequestBuffer.bind(client);
  let bytes: Buffer | undefined;
  client.getRequestBuffer = () => body.renew((bytes ??= build()));
}

function assertAllHandled(result: autocannon.Result, calls: number): void {
  const answered = result.statusCodeStats?.['200']?.count ?? 0;
  if (answered === calls && result.errors === 0) return;
  throw new Error(
    `${calls} calls, ${answered} answered 200, ${result.errors} errors`,
  );
}
