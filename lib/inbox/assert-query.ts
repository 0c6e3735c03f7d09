import { quote } from '../options/describe-value.js';
import { unknownNames } from '../options/unknown-names.js';
import type { XeniooDeadLetterFilter } from './xenioo.dead-letter-store.js';

/** @throws {RangeError} when it is no number of letters */
export function assertLimit(limit: unknown): void {
  if (Number.isSafeInteger(limit) && Number(limit) > 0) return;
  throw new RangeError(
    `expected \`limit\` to be a whole number from 1, got ${quote(limit)}`,
  );
}

/**
 * A name that nobody reads would mean every letter.
 * @throws {RangeError} when there is one, or a kind that does not exist
 */
export function assertFilter(filter: XeniooDeadLetterFilter): void {
  const problems = unknownNames(filter, ['kind', 'handler']);
  const { kind } = filter;
  if (kind !== undefined && kind !== 'event' && kind !== 'invalid') {
    problems.push(
      `expected \`kind\` to be 'event' or 'invalid', got ${quote(kind)}`,
    );
  }
  if (problems.length > 0) throw new RangeError(problems.join('; '));
}
