import { say } from '../scaling/report.js';
import { sayGoals } from './goals.js';
import type { Load } from './load.js';
import { speedGoals } from './speed.goals.js';
import type { Runner, SpeedResults } from './speed.results.js';
import { figure, sayTable } from './table.js';

/** Tables of what was measured over HTTP. */
export function reportSpeed(
  runners: readonly Runner[],
  loads: readonly Load[],
  results: SpeedResults,
): void {
  const head = ['', ...loads.map(nameOf)];
  const rows = (cell: (runner: Runner, events: number) => number) =>
    runners.map(runner => [
      runner.name,
      ...loads.map(({ events }) => figure(cell(runner, events))),
    ]);
  const speed = (runner: Runner, events: number) =>
    results.callsPerSecond(runner, events);

  say('### Requests a second\n');
  say(`${connectionsOf(loads)}.\n`);
  sayTable(head, rows(speed));
  say('### Events a second\n');
  sayTable(
    head,
    rows((runner, events) => speed(runner, events) * events),
  );
  say('### How many times as fast\n');
  say('The median of the ratios of each round.\n');
  sayGoals(speedGoals(results));
  say('### Cost of an event over HTTP\n');
  say('In µs, with what each request costs Node.js and the framework.\n');
  sayTable(
    head,
    rows((runner, events) => 1e6 / (speed(runner, events) * events)),
  );
  say('### How busy the load generator was\n');
  say('In %. Near 100, the server could have done more.\n');
  sayTable(
    head,
    rows((runner, events) =>
      Math.round(results.loadBusy(runner, events) * 100),
    ),
  );
}

function nameOf({ events }: Load): string {
  return events === 1 ? 'single' : `arrays of ${figure(events)}`;
}

function connectionsOf(loads: readonly Load[]): string {
  return loads
    .map(load => `${nameOf(load)} on ${load.connections} connections`)
    .join(', ');
}
