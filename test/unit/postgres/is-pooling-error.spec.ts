import { expect, it } from 'vitest';
import { isPoolingError } from '../../../lib/postgres/is-pooling-error.js';

const failure = (code: string, message: string) =>
  Object.assign(new Error(message), { code });

it.each([
  failure('08P01', 'unsupported startup parameter: statement_timeout'),
  failure('26000', 'prepared statement "xenioo_accept" does not exist'),
  failure('42P05', 'prepared statement "xenioo_accept" already exists'),
])('recognises the error of a pooler without sessions: $message', error => {
  expect(isPoolingError(error)).toBe(true);
});

it.each([
  failure('08P01', 'invalid message format'),
  failure('57P01', 'terminating connection due to administrator command'),
  failure('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:5432'),
])('takes no other error for one: $message', error => {
  expect(isPoolingError(error)).toBe(false);
});
