import { figure, say, sayTable } from '../report.js';
import type { AdapterName } from './apps/adapters.js';
import {
  ADAPTERS,
  allContestants,
  BARE,
  contestantsOn,
  nameOf,
  titleOf,
  type Contestant,
  type Handlers,
} from './contestant.js';
import type { Figures } from './goals.js';
import { nameOfLoad, type Load } from './load.js';
import {
  measureSideBySide,
  type Effort,
  type SideBySide,
} from './side-by-side.js';

const SINGLE: Load = { events: 1, connections: 32 };
const ARRAYS: Load = { events: 1_000, connections: 8 };

const ALL_LOADS: readonly Load[] = [
  SINGLE,
  { events: 10, connections: 8 },
  { events: 100, connections: 8 },
  ARRAYS,
  // A third call would be stored, not served.
  { events: 20_000, connections: 2 },
];

/** Compares applications as users write them: three asynchronous handlers and a listener. */
export async function realisticSection(effort: Effort): Promise<Figures> {
  say('### Realistic: three asynchronous handlers and a listener\n');
  say(
    'Two classes have three `async` handlers that await a store, and `EventEmitterModule` is imported with one `@OnEvent` listener. Entries of a call are out of date order. The hand-written endpoint has the same handlers behind `emitAsync`.\n',
  );
  const results = await measureAll('realistic', ALL_LOADS, effort);
  const express = ratiosOn('express', 'realistic', results);
  const fastify = ratiosOn('fastify', 'realistic', results);
  return {
    singleToPlainExpress: express.singleToPlain,
    singleToPlainFastify: fastify.singleToPlain,
    singleToByHandExpress: express.singleToByHand,
    singleToByHandFastify: fastify.singleToByHand,
    arraysToByHandExpress: express.arraysToByHand,
    arraysToByHandFastify: fastify.arraysToByHand,
    arraysWithoutDedupeToByHandExpress: express.arraysWithoutDedupeToByHand,
    arraysWithoutDedupeToByHandFastify: fastify.arraysWithoutDedupeToByHand,
    arraysWithoutDedupeToBareExpress: express.arraysWithoutDedupeToBare,
    arraysWithoutDedupeToBareFastify: fastify.arraysWithoutDedupeToBare,
  };
}

/** Compares the fastest case: one synchronous handler and no listener. */
export async function bestCaseSection(effort: Effort): Promise<Figures> {
  say('### Best case: one synchronous handler\n');
  await measureAll('one-sync', [SINGLE, ARRAYS], effort);
  return {};
}

async function measureAll(
  handlers: Handlers,
  loads: readonly Load[],
  effort: Effort,
): Promise<SideBySide> {
  const contestants = allContestants(handlers);
  const results = await measureSideBySide(contestants, loads, effort);
  const sayLoads = (
    first: string,
    cell: (contestant: Contestant, load: Load) => number,
  ) =>
    sayTable(
      [first, ...loads.map(nameOfLoad)],
      contestants.map(contestant => [
        nameOf(contestant),
        ...loads.map(load => figure(cell(contestant, load))),
      ]),
    );

  sayLoads('events per second', (contestant, load) =>
    Math.round(results.eventsPerSecond(contestant, load)),
  );
  sayRatios(handlers, results);
  say('The load generator was busy for this share of the time, in %:\n');
  sayLoads('', (contestant, load) =>
    Math.round(results.median(contestant, load, 'loadBusy') * 100),
  );
  return results;
}

function sayRatios(handlers: Handlers, results: SideBySide): void {
  const ratios = (['ratio', 'cpuRatio'] as const).flatMap(by =>
    ADAPTERS.map(adapter => ratiosOn(adapter, handlers, results, by)),
  );
  const row = (title: string, name: keyof (typeof ratios)[number]) => [
    title,
    ...ratios.map(each => figure(each[name])),
  ];
  const adapters = ADAPTERS.map(titleOf);
  sayTable(
    [
      'times as fast',
      ...adapters,
      ...adapters.map(adapter => `${adapter}, by CPU time`),
    ],
    [
      row('single, to a plain Nest route', 'singleToPlain'),
      row('single, to hand-written', 'singleToByHand'),
      row('arrays of 1,000, to hand-written', 'arraysToByHand'),
      row(
        'arrays of 1,000, `dedupe: false`, to hand-written',
        'arraysWithoutDedupeToByHand',
      ),
      row(
        'arrays of 1,000, `dedupe: false`, to bare `node:http`',
        'arraysWithoutDedupeToBare',
      ),
    ],
  );
}

function ratiosOn(
  adapter: AdapterName,
  handlers: Handlers,
  results: SideBySide,
  by: 'ratio' | 'cpuRatio' = 'ratio',
) {
  const { plain, byHand, ours, oursWithoutDedupe } = contestantsOn(
    adapter,
    handlers,
  );
  return {
    singleToPlain: results[by](ours, plain, SINGLE),
    singleToByHand: results[by](ours, byHand, SINGLE),
    arraysToByHand: results[by](ours, byHand, ARRAYS),
    arraysWithoutDedupeToByHand: results[by](oursWithoutDedupe, byHand, ARRAYS),
    arraysWithoutDedupeToBare: results[by](oursWithoutDedupe, BARE, ARRAYS),
  };
}
