import { quote } from '../options/describe-value.js';
import { unknownNames } from '../options/unknown-names.js';
import type { XeniooDeadLetterFilter } from './xenioo.dead-letter-store.js';

const FILTERS = ['kind', 'handler', 'eventId', 'bot', 'conversationId'];

/** @throws {RangeError} when the limit of a page is not a whole number from 1 */
export function assertLimit(limit: unknown): void {
  if (Number.isSafeInteger(limit) && Number(limit) > 0) return;
  throw new RangeError(
    `expected \`limit\` to be a whole number from 1, got ${quote(limit)}`,
  );
}

/** @throws {RangeError} when a filter has an unknown field, which would select every letter, or a wrong kind */
export function assertFilter(filter: XeniooDeadLetterFilter): void {
  const problems = unknownNames(filter, FILTERS);
  const { kind } = filter;
  if (kind !== undefined && kind !== 'event' && kind !== 'invalid') {
    problems.push(
      `expected \`kind\` to be 'event' or 'invalid', got ${quote(kind)}`,
    );
  }
  if (problems.length > 0) throw new RangeError(problems.join('; '));
}
