import { quote } from './describe-value.js';

/** Least and most of each option that is a whole number. */
export type Ranges = Readonly<
  Record<string, readonly [least: number, most: number]>
>;

/** A timer of Node that is asked to wait longer fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A sentence for each option out of its range; `prefix` is what stands before its name. */
export function rangeProblems(
  given: object,
  ranges: Ranges,
  prefix = '',
): string[] {
  return Object.entries(ranges).flatMap(([name, [least, most]]) => {
    const value = (given as Record<string, unknown>)[name];
    const isInRange =
      Number.isSafeInteger(value) &&
      Number(value) >= least &&
      Number(value) <= most;
    return isInRange
      ? []
      : [
          `expected \`${prefix}${name}\` to be a whole number from ${least} to ${most}, got ${quote(value)}`,
        ];
  });
}
