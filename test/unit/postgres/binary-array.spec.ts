import * as fc from 'fast-check';
import * as pg from 'pg';
import { expect, inject, it, onTestFinished } from 'vitest';
import {
  int4Array,
  int8Array,
  textArray,
  uuidArray,
} from '../../../lib/postgres/binary-array.js';
import { describeEngine } from '../../support/engines/describe-engine.js';

describeEngine('postgres', 'an array that the inbox sends', () => {
  it('has its elements in PostgreSQL', async () => {
    const client = new pg.Client(inject('postgresUrl'));
    await client.connect();
    onTestFinished(() => client.end());
    const anyText = fc.string({ unit: 'binary' });
    const anyEntry = fc.record({
      digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      isDeduplicated: fc.boolean(),
      // PostgreSQL has no text with NUL; names of bots have none either.
      bot: anyText.map(text => text.replaceAll('\0', '')),
      lane: fc.nat(Number.MAX_SAFE_INTEGER),
      length: fc.nat(2 ** 31 - 1),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyEntry), async entries => {
        const { rows } = await client.query(
          'SELECT to_json($1::uuid[]) AS ids, to_json($2::text[]) AS bots, $3::int8[]::text[] AS lanes, $4::int4[] AS lengths',
          [
            uuidArray(
              entries.map(({ digest, isDeduplicated }) =>
                isDeduplicated
                  ? Buffer.from(digest).toString('base64url')
                  : null,
              ),
            ),
            textArray(entries.map(({ bot }) => bot)),
            int8Array(entries.map(({ lane }) => lane)),
            int4Array(entries.map(({ length }) => length)),
          ],
        );
        expect(rows).toEqual([
          {
            ids: entries.map(({ digest, isDeduplicated }) =>
              isDeduplicated ? uuidOf(digest) : null,
            ),
            bots: entries.map(({ bot }) => bot.toWellFormed()),
            lanes: entries.map(({ lane }) => String(lane)),
            lengths: entries.map(({ length }) => length),
          },
        ]);
      }),
    );
  });
});

function uuidOf(digest: Uint8Array): string {
  const hex = Buffer.from(digest).toString('hex', 0, 16);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
