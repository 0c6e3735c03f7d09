import * as fc from 'fast-check';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import { resolvePostgresInboxOptions } from '../../../lib/postgres/postgres.inbox-options.js';

/** Returns the error of postgresInbox() for a connection; `undefined` if it is accepted. */
function errorOf(connection: unknown): string | undefined {
  try {
    resolvePostgresInboxOptions({ connection });
    return undefined;
  } catch (error) {
    return String(error);
  }
}

it.each([
  'postgres://127.0.0.1/app',
  'postgresql://user@[::1]:5432/app',
  'postgres://user:p%40s%2Fs@db.example.com:5432/app?sslmode=require',
])('postgresInbox() accepts the URL %s', url => {
  expect(errorOf(url)).toBe(undefined);
});

const anyPassword = fc.string({
  unit: fc.oneof(
    fc.constantFrom('/', '@', ':', '?', '#', '[', ']', '\\', '%'),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
  minLength: 1,
});
const urlWith = (password: string) =>
  `postgres://user:${password}@127.0.0.1:5432/app`;

it('postgresInbox() accepts no URL of whose password a part would pass for another part', () => {
  fc.assert(
    fc.property(anyPassword, password => {
      const url = urlWith(password);
      fc.pre(errorOf(url) === undefined);
      expect(new Client(url)).toMatchObject({
        user: 'user',
        host: '127.0.0.1',
        port: 5_432,
        database: 'app',
      });
    }),
    { numRuns: 1_000 },
  );
});

it('postgresInbox() does not repeat a URL that it rejects', () => {
  fc.assert(
    fc.property(anyPassword, password => {
      const error = errorOf(urlWith(`${password}/`));
      expect(error).toContain('escape special characters of the password');
      expect(error).not.toContain('127.0.0.1');
    }),
  );
});
