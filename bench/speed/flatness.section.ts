import { figure, say, sayTable } from '../report.js';
import { contestantsOn, nameOf, type Contestant } from './contestant.js';
import type { Figures } from './goals.js';
import { nameOfLoad, type Load } from './load.js';
import { measureSideBySide, type Effort } from './side-by-side.js';

const EMPTY: Load = { events: 0, connections: 8 };
const LOADS: readonly Load[] = [
  { events: 10, connections: 8 },
  { events: 100, connections: 8 },
  { events: 1_000, connections: 8 },
  { events: 20_000, connections: 2 },
];

/** Measures the CPU time of an event in small and large arrays, without that of the call itself. */
export async function flatnessSection(effort: Effort): Promise<Figures> {
  const { ours, oursWithoutDedupe } = contestantsOn('fastify', 'realistic');
  const contestants: readonly Contestant[] = [ours, oursWithoutDedupe];
  const loads = [EMPTY, ...LOADS];
  const results = await measureSideBySide(contestants, loads, effort);
  const costs = (contestant: Contestant) => {
    const cpuMs = (load: Load) =>
      results.median(contestant, load, 'cpuMsPerCall');
    return LOADS.map(
      load => ((cpuMs(load) - cpuMs(EMPTY)) / load.events) * 1_000,
    );
  };
  say('### Cost of an event by the size of the array\n');
  say(
    'CPU time of the server in µs per event, less that of a call with an empty array; handlers as in the realistic scenario.\n',
  );
  sayTable(
    ['', ...LOADS.map(nameOfLoad)],
    contestants.map(each => [nameOf(each), ...costs(each).map(figure)]),
  );
  return {
    flatness: spread(costs(ours)),
    flatnessWithoutDedupe: spread(costs(oursWithoutDedupe)),
  };
}

function spread(figures: readonly number[]): number {
  return Math.max(...figures) / Math.min(...figures);
}
