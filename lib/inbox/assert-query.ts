import { kindOf, quote } from '../options/describe-value.js';
import { unknownNameProblems } from '../options/unknown-name-problems.js';
import type { XeniooDeadLetterFilter } from './xenioo.dead-letter-store.js';

/** Upper bound of the length of a dead letter's id. The module makes shorter ones, and storage engines reject long keys. */
const MAX_ID_LENGTH = 500;

const FILTER_FIELDS = ['kind', 'handler', 'eventId', 'bot', 'conversationId'];

/** @throws {RangeError} if the size of a page is not a whole number of at least 1 */
export function assertLimit(limit: unknown): void {
  if (Number.isSafeInteger(limit) && Number(limit) > 0) return;
  throw new RangeError(
    `expected \`limit\` to be a whole number of at least 1, got ${quote(limit)}`,
  );
}

/** @throws {RangeError} if a filter has an unknown field or an invalid value: ignoring it could select every letter */
export function assertFilter(filter: XeniooDeadLetterFilter): void {
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter)) {
    throw new RangeError(
      `expected a filter to be an object, got ${kindOf(filter)}`,
    );
  }
  const problems = unknownNameProblems(filter, FILTER_FIELDS);
  for (const [name, value] of Object.entries(filter)) {
    if (value === undefined || typeof value === 'string') continue;
    problems.push(`expected \`${name}\` to be a string, got ${quote(value)}`);
  }
  const { kind } = filter;
  if (kind !== undefined && kind !== 'event' && kind !== 'invalid') {
    problems.push(
      `expected \`kind\` to be 'event' or 'invalid', got ${quote(kind)}`,
    );
  }
  if (problems.length > 0) throw new RangeError(problems.join('; '));
}

/** @throws {RangeError} if a field is present but undefined: `removeAll()` would ignore it and remove every letter */
export function assertNoneUndefined(filter: XeniooDeadLetterFilter): void {
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined) continue;
    throw new RangeError(
      `expected \`${name}\` of removeAll() to be a string, got undefined: without it, every dead letter would be removed`,
    );
  }
}

/** Returns true if a value can be the id of a dead letter. */
export function isLetterId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.length <= MAX_ID_LENGTH;
}
