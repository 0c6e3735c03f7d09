import { median } from '../report.js';
import type { Contestant } from './contestant.js';
import { measureLoad, type Load, type Measured } from './load.js';
import { Server } from './server.js';

export interface Effort {
  readonly rounds: number;
  /** Duration of each load on each server in each round. */
  readonly seconds: number;
}

/** Figures of several servers under the same loads, by round. */
export class SideBySide {
  private readonly rounds = new Map<string, Measured[]>();

  add(contestant: Contestant, load: Load, measured: Measured): void {
    const key = keyOf(contestant, load);
    this.rounds.set(key, [...(this.rounds.get(key) ?? []), measured]);
  }

  median(contestant: Contestant, load: Load, name: keyof Measured): number {
    return median(this.of(contestant, load).map(round => round[name]));
  }

  eventsPerSecond(contestant: Contestant, load: Load): number {
    return this.median(contestant, load, 'callsPerSecond') * load.events;
  }

  /** Returns how many times as fast one is: the median of the ratios of each round. */
  ratio(one: Contestant, other: Contestant, load: Load): number {
    return this.medianRatio(one, other, load, 'callsPerSecond');
  }

  /** Returns how many times as much CPU time the other takes, which a busy machine changes less. */
  cpuRatio(one: Contestant, other: Contestant, load: Load): number {
    return this.medianRatio(other, one, load, 'cpuMsPerCall');
  }

  /** Returns the median of the ratios of a figure in each round. */
  medianRatio(
    one: Contestant,
    other: Contestant,
    load: Load,
    name: keyof Measured,
  ): number {
    const others = this.of(other, load);
    return median(
      this.of(one, load).map(
        (measured, round) => measured[name] / others[round]![name],
      ),
    );
  }

  private of(contestant: Contestant, load: Load): Measured[] {
    return this.rounds.get(keyOf(contestant, load))!;
  }
}

function keyOf(contestant: Contestant, load: Load): string {
  return JSON.stringify([contestant, load]);
}

/** Before that, V8 has not compiled the hot code, and longer code looks slower than it is. */
const LEAST_WARM_UP_MS = 2_500;

/** Measures each load on all servers, one server after the other in each round. */
export async function measureSideBySide(
  contestants: readonly Contestant[],
  loads: readonly Load[],
  { rounds, seconds }: Effort,
  onStart: (servers: readonly Server[]) => Promise<void> = async () => {},
): Promise<SideBySide> {
  const results = new SideBySide();
  const servers = await Promise.all(
    contestants.map(each => Server.start(each)),
  );
  await onStart(servers);
  for (const load of loads) {
    const speeds: number[] = [];
    for (const server of servers) {
      speeds.push(await warmUp(server, load, seconds));
    }
    for (let round = 0; round < rounds; round++) {
      // Every second round goes backwards, so that no server always follows the same other.
      const order = [...contestants.entries()];
      for (const [index, contestant] of round % 2 === 0
        ? order
        : order.toReversed()) {
        const calls = callsWithin(seconds, load, speeds[index]!);
        const measured = await measureLoad(servers[index]!, load, calls);
        results.add(contestant, load, measured);
        speeds[index] = measured.callsPerSecond;
      }
    }
  }
  await Promise.all(servers.map(server => server.stop()));
  return results;
}

/**
 * Lets V8 compile the code to measure, and returns the calls per second that it reaches. It counts CPU time, because
 * servers on a busy machine get little of it.
 */
async function warmUp(
  server: Server,
  load: Load,
  seconds: number,
): Promise<number> {
  let missingMs = Math.max(LEAST_WARM_UP_MS, seconds * 3_000);
  let speed = 0;
  do {
    const calls = callsWithin(seconds / 4, load, speed);
    const measured = await measureLoad(server, load, calls);
    speed = measured.callsPerSecond;
    missingMs -= measured.cpuMsPerCall * calls;
  } while (missingMs > 0);
  return speed;
}

function callsWithin(
  seconds: number,
  { connections }: Load,
  speed: number,
): number {
  return Math.max(connections + 1, Math.round(speed * seconds));
}
