import type { AdapterName } from './apps/adapters.js';
import type { Goal } from './goals.js';
import type { ServerKind } from './server.js';
import type { SpeedResults } from './speed.results.js';

/** How many times as fast as the others it should be. */
export function speedGoals(results: SpeedResults): Goal[] {
  return [
    ...singleGoals(results, 'express', { plain: 1, byHand: 1.4 }),
    ...singleGoals(results, 'fastify', { plain: 0.9, byHand: 2.5 }),
    ...arrayGoals(results, 'express'),
    ...arrayGoals(results, 'fastify'),
  ];
}

function singleGoals(
  results: SpeedResults,
  adapter: AdapterName,
  { plain, byHand }: { plain: number; byHand: number },
): Goal[] {
  const against = ratios(results, adapter, 1);
  return [
    {
      what: `single, ${adapter}: to the plain Nest route`,
      measured: against('ours', 'plain'),
      atLeast: plain,
    },
    {
      what: `single, ${adapter}: to hand-written`,
      measured: against('ours', 'by-hand'),
      atLeast: byHand,
    },
  ];
}

function arrayGoals(results: SpeedResults, adapter: AdapterName): Goal[] {
  const against = ratios(results, adapter, 1_000);
  return [
    {
      what: `arrays of 1,000, ${adapter}: to hand-written`,
      measured: against('ours', 'by-hand'),
      atLeast: 8,
    },
    {
      what: `arrays of 1,000, ${adapter}, \`dedupe: false\`: to hand-written`,
      measured: against('ours-without-dedupe', 'by-hand'),
      atLeast: 12,
    },
    {
      what: `arrays of 1,000, ${adapter}, \`dedupe: false\`: to bare \`node:http\``,
      measured: against('ours-without-dedupe', 'bare'),
      atLeast: 0.6,
    },
  ];
}

function ratios(results: SpeedResults, adapter: AdapterName, events: number) {
  return (one: ServerKind, other: ServerKind) =>
    results.ratio(
      { kind: one, adapter },
      other === 'bare' ? { kind: other } : { kind: other, adapter },
      events,
    );
}
