import { median } from '../scaling/report.js';
import type { AdapterName } from './apps/adapters.js';
import type { Measured } from './load.js';
import type { ServerKind } from './server.js';

/** One of the servers that are measured side by side. */
export interface Contestant {
  readonly kind: ServerKind;
  /** Bare Node.js has none. */
  readonly adapter?: AdapterName;
}

/** One that has a name in the tables. */
export interface Runner extends Contestant {
  readonly name: string;
}

/** What was measured, by round. */
export class SpeedResults {
  private readonly rounds = new Map<string, Measured[]>();

  add(contestant: Contestant, events: number, measured: Measured): void {
    const key = keyOf(contestant, events);
    this.rounds.set(key, [...(this.rounds.get(key) ?? []), measured]);
  }

  callsPerSecond(contestant: Contestant, events: number): number {
    return median(this.of(contestant, events).map(speedOf));
  }

  loadBusy(contestant: Contestant, events: number): number {
    return median(this.of(contestant, events).map(({ loadBusy }) => loadBusy));
  }

  /** How many times as fast: the median of the rounds, in each of which both were measured one soon after the other. */
  ratio(one: Contestant, other: Contestant, events: number): number {
    const others = this.of(other, events);
    return median(
      this.of(one, events).map(
        (each, round) => speedOf(each) / speedOf(others[round]!),
      ),
    );
  }

  private of(contestant: Contestant, events: number): Measured[] {
    return this.rounds.get(keyOf(contestant, events))!;
  }
}

function speedOf({ callsPerSecond }: Measured): number {
  return callsPerSecond;
}

function keyOf({ kind, adapter }: Contestant, events: number): string {
  return [kind, adapter, events].join(' ');
}
