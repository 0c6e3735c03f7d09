import { figure, say, sayTable } from '../report.js';

interface Goal {
  readonly title: string;
  readonly atLeast?: number;
  /** Second best: acceptable where `atLeast` is not reached. */
  readonly acceptable?: number;
  readonly atMost?: number;
  readonly unit?: string;
}

/** Goals of the project. All are for the realistic scenario. */
const GOALS = {
  singleToPlainExpress: {
    title: 'single, Express: to a plain Nest route',
    atLeast: 1,
  },
  singleToPlainFastify: {
    title: 'single, Fastify: to a plain Nest route',
    atLeast: 0.9,
  },
  singleToByHandExpress: {
    title: 'single, Express: to hand-written',
    atLeast: 1.5,
  },
  singleToByHandFastify: {
    title: 'single, Fastify: to hand-written',
    atLeast: 2.5,
  },
  arraysToByHandExpress: arraysToByHand('Express'),
  arraysToByHandFastify: arraysToByHand('Fastify'),
  arraysWithoutDedupeToByHandExpress: arraysWithoutDedupeToByHand('Express'),
  arraysWithoutDedupeToByHandFastify: arraysWithoutDedupeToByHand('Fastify'),
  arraysWithoutDedupeToBareExpress: arraysWithoutDedupeToBare('Express'),
  arraysWithoutDedupeToBareFastify: arraysWithoutDedupeToBare('Fastify'),
  flatness: {
    title: 'cost of an event in arrays of 10 to 20,000: highest to lowest',
    atMost: 1.5,
  },
  flatnessWithoutDedupe: {
    title: 'the same with `dedupe: false`',
    atMost: 1.5,
  },
  pushExpress: push('Express'),
  pushFastify: push('Fastify'),
  lmdbSingle: { title: 'LMDB to memory, 64 callers, single', atLeast: 0.7 },
  lmdbArrays: {
    title: 'LMDB to memory, 64 callers, arrays of 1,000',
    atLeast: 0.7,
  },
} satisfies Record<string, Goal>;

function arraysToByHand(adapter: string): Goal {
  return {
    title: `arrays of 1,000, ${adapter}: to hand-written`,
    atLeast: 8,
    acceptable: 5,
  };
}

function arraysWithoutDedupeToByHand(adapter: string): Goal {
  return {
    title: `arrays of 1,000, ${adapter}, \`dedupe: false\`: to hand-written`,
    atLeast: 12,
    acceptable: 8,
  };
}

function arraysWithoutDedupeToBare(adapter: string): Goal {
  return {
    title: `arrays of 1,000, ${adapter}, \`dedupe: false\`: to bare \`node:http\``,
    atLeast: 0.6,
    acceptable: 0.35,
  };
}

function push(adapter: string): Goal {
  return {
    title: `push of 20,000, ${adapter}: event loop delay, p99`,
    atMost: 25,
    unit: ' ms',
  };
}

/** Figures that have a goal. */
export type Figures = Partial<Record<keyof typeof GOALS, number>>;

/** Prints each figure beside its goal. */
export function sayGoals(figures: Figures): void {
  const rows = Object.entries<Goal>(GOALS).flatMap(([name, goal]) => {
    const measured = figures[name as keyof Figures];
    return measured === undefined ? [] : [rowOf(goal, measured)];
  });
  if (rows.length === 0) return;
  say('### Goals\n');
  sayTable(['', 'measured', 'goal', 'met'], rows);
}

function rowOf(goal: Goal, measured: number): string[] {
  const { title, atLeast, acceptable, atMost, unit = '' } = goal;
  const wanted =
    atLeast === undefined ? `≤ ${atMost}${unit}` : `≥ ${atLeast}${unit}`;
  const minimum =
    acceptable === undefined ? '' : `, at the least ${acceptable}`;
  return [title, figure(measured) + unit, wanted + minimum, verdict()];

  function verdict(): string {
    if (measured > (atMost ?? Infinity)) return '**no**';
    if (measured >= (atLeast ?? -Infinity)) return 'yes';
    return measured >= (acceptable ?? Infinity) ? 'at the least' : '**no**';
  }
}
