import { figure, sayTable } from './table.js';

/** What was measured, and what it should be. */
export interface Goal {
  readonly what: string;
  readonly measured: number;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly unit?: string;
}

/** Goals beside what was measured. */
export function sayGoals(goals: readonly Goal[]): void {
  sayTable(['', 'measured', 'goal', 'met'], goals.map(rowOf));
}

function rowOf({ what, measured, atLeast, atMost, unit = '' }: Goal) {
  const isMet =
    measured >= (atLeast ?? -Infinity) && measured <= (atMost ?? Infinity);
  const goal = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
  return [what, figure(measured) + unit, goal + unit, isMet ? 'yes' : '**no**'];
}
