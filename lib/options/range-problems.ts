import { quote } from './describe-value.js';

/** Minimum and maximum of each option that is a whole number. */
export type Ranges = Readonly<
  Record<string, readonly [min: number, max: number]>
>;

/** Longest delay of a Node.js timer, in milliseconds. A timer with a longer delay fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Returns a message for each option that is not in its range. `prefix` is put before the name, as in `retry.`. */
export function rangeProblems(
  given: object,
  ranges: Ranges,
  prefix = '',
): string[] {
  return Object.entries(ranges).flatMap(([name, [min, max]]) => {
    const value = (given as Record<string, unknown>)[name];
    const isInRange =
      Number.isSafeInteger(value) &&
      Number(value) >= min &&
      Number(value) <= max;
    return isInRange
      ? []
      : [
          `expected \`${prefix}${name}\` to be a whole number from ${min} to ${max}, got ${quote(value)}`,
        ];
  });
}
