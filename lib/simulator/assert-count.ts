import { rangeProblems } from '../options/range-problems.js';
import { XeniooTestingError } from './xenioo-testing.errors.js';

const MOST = 1_000_000;

/** @throws {XeniooTestingError} when a count is no whole number, or less than `least` */
export function assertCount(
  where: string,
  given: Readonly<Record<string, number>>,
  least: number,
): void {
  const [name] = Object.keys(given) as [string];
  const [problem] = rangeProblems(given, { [name]: [least, MOST] });
  if (problem) throw new XeniooTestingError(`${where}: ${problem}.`);
}
