import { measureLoad, type Load } from './load.js';
import { Server } from './server.js';
import { reportSpeed } from './speed.report.js';
import { SpeedResults, type Runner } from './speed.results.js';

/** How long it is measured, and how often. */
export interface Effort {
  readonly rounds: number;
  /** Of each load on each server, in each round. */
  readonly seconds: number;
}

const RUNNERS: readonly Runner[] = [
  { name: 'bare `node:http` + `JSON.parse`', kind: 'bare' },
  ...(['express', 'fastify'] as const).flatMap((adapter): Runner[] => [
    { name: `${adapter}: plain Nest route`, kind: 'plain', adapter },
    { name: `${adapter}: hand-written`, kind: 'by-hand', adapter },
    { name: `${adapter}: nestjs-xenioo`, kind: 'ours', adapter },
    {
      name: `${adapter}: nestjs-xenioo, \`dedupe: false\``,
      kind: 'ours-without-dedupe',
      adapter,
    },
  ]),
];

const LOADS: readonly Load[] = [
  { events: 1, connections: 32 },
  { events: 10, connections: 8 },
  { events: 100, connections: 8 },
  { events: 1_000, connections: 8 },
  // One is sent while the other is worked on; more would be stored, not served.
  { events: 20_000, connections: 2 },
];

/** Calls and events a second over HTTP, side by side. */
export async function speedSection(effort: Effort): Promise<void> {
  const results = new SpeedResults();
  const servers = await Promise.all(
    RUNNERS.map(({ kind, adapter }) =>
      Server.start(kind, adapter ?? 'express'),
    ),
  );
  for (const load of LOADS) await measure(load, servers, results, effort);
  for (const server of servers) await server.stop();
  reportSpeed(RUNNERS, LOADS, results);
}

async function measure(
  load: Load,
  servers: readonly Server[],
  results: SpeedResults,
  { rounds, seconds }: Effort,
): Promise<void> {
  const speeds: number[] = [];
  for (const server of servers) {
    speeds.push(await warmUp(server, load, seconds));
  }
  for (let round = 0; round < rounds; round++) {
    // Forth and back, so that nobody is always behind the same other.
    const order = [...RUNNERS.entries()];
    for (const [index, runner] of round % 2 === 0
      ? order
      : order.toReversed()) {
      const calls = callsWithin(seconds, load, speeds[index]!);
      const measured = await measureLoad(servers[index]!, load, calls);
      results.add(runner, load.events, measured);
      speeds[index] = measured.callsPerSecond;
    }
  }
}

/** Lets the engine compile what will be measured, and finds how fast it is by then. */
async function warmUp(
  server: Server,
  load: Load,
  seconds: number,
): Promise<number> {
  const enough = seconds * (load.events === 1 ? 3 : 1);
  const ends = performance.now() + enough * 1_000;
  let speed = 0;
  do {
    const calls = callsWithin(seconds / 4, load, speed);
    speed = (await measureLoad(server, load, calls)).callsPerSecond;
  } while (performance.now() < ends);
  return speed;
}

function callsWithin(
  seconds: number,
  { connections }: Load,
  speed: number,
): number {
  return Math.max(connections + 1, Math.round(speed * seconds));
}
