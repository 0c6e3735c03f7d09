import { rangeProblems } from '../options/range-problems.js';
import { XeniooTestingError } from './xenioo-testing.errors.js';

const MAX_COUNT = 1_000_000;

/**
 * Checks a count.
 * @param subject function that got it, for the message
 * @throws {XeniooTestingError} when it is not a whole number from `min` to 1,000,000
 */
export function assertCount(
  subject: string,
  given: Readonly<Record<string, number>>,
  min: number,
): void {
  const [name] = Object.keys(given) as [string];
  const [problem] = rangeProblems(given, { [name]: [min, MAX_COUNT] });
  if (problem) throw new XeniooTestingError(`${subject}: ${problem}.`);
}
