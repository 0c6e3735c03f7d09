import { kindOf, quote } from '../options/describe-value.js';
import { unknownNames } from '../options/unknown-names.js';
import type { XeniooDeadLetterFilter } from './xenioo.dead-letter-store.js';

/** The id of an event and the name of a handler are shorter, and no storage takes keys of any length. */
const MAX_ID_LENGTH = 500;

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
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter)) {
    throw new RangeError(
      `expected a filter to be an object, got ${kindOf(filter)}`,
    );
  }
  const problems = unknownNames(filter, FILTERS);
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

/** @throws {RangeError} when a given field is undefined: it would select every letter, and all of them would be removed */
export function assertNoneUndefined(filter: XeniooDeadLetterFilter): void {
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined) continue;
    throw new RangeError(
      `expected \`${name}\` of removeAll() to be a string, got nothing: it would remove every letter`,
    );
  }
}

/** Answers whether a value can be the id of a letter. */
export function isLetterId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.length <= MAX_ID_LENGTH;
}
