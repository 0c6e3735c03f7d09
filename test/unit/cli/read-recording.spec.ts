import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRecording } from '../../../lib/cli/read-recording.js';
import {
  formatLine,
  type RecordedCall,
} from '../../../lib/cli/recorded-call.js';

/** Calls of a recording that comes in these pieces, and the lines that were skipped. */
async function read(
  chunks: readonly (string | Buffer)[],
  { needsTimes = false } = {},
) {
  const calls: RecordedCall[] = [];
  const incompleteLines: number[] = [];
  const recording = readRecording(
    Readable.from(chunks, { objectMode: false }),
    {
      file: 'calls.ndjson',
      needsTimes,
      onIncompleteLine: lineNumber => incompleteLines.push(lineNumber),
    },
  );
  for await (const call of recording) calls.push(call);
  return { calls, incompleteLines };
}

const anyCall: fc.Arbitrary<RecordedCall> = fc.record({
  receivedAt: fc.constantFrom('2024-05-01T12:00:00.000Z'),
  contentType: fc.constantFrom(null, 'text/plain'),
  body: fc.string({ unit: 'binary' }),
});

describe('readRecording()', () => {
  it('reads what was recorded, wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyCall),
        fc.integer({ min: 1, max: 60 }),
        async (recorded, size) => {
          const bytes = Buffer.from(recorded.map(formatLine).join(''));
          const chunks = Array.from(
            { length: Math.ceil(bytes.length / size) },
            (_, index) => bytes.subarray(index * size, (index + 1) * size),
          );
          // JSON writes half a surrogate pair as an escape, so UTF-8 keeps it.
          expect(await read(chunks)).toEqual({
            calls: recorded,
            incompleteLines: [],
          });
        },
      ),
    );
  });

  it('requires nothing but the body', async () => {
    expect(await read(['{"body":"{}"}'])).toEqual({
      calls: [{ body: '{}' }],
      incompleteLines: [],
    });
  });

  it('skips empty lines', async () => {
    const { calls, incompleteLines } = await read(['\n{"body":""}\r\n\n  \n']);

    expect(calls).toHaveLength(1);
    expect(incompleteLines).toEqual([]);
  });

  it('skips lines that are cut off, and reports them', async () => {
    const { calls, incompleteLines } = await read([
      '{"body":"a"}\n{"receiv\n{"body":"b"}\n{"body":"c',
    ]);

    expect(calls.map(({ body }) => body)).toEqual(['a', 'b']);
    expect(incompleteLines).toEqual([2, 4]);
  });

  it.each([
    '[]',
    'null',
    '{"Type":1}',
    '{"body":{"Type":1}}',
    '{"body":"","receivedAt":"today"}',
    '{"body":"","receivedAt":7}',
    '{"body":"","contentType":7}',
  ])('rejects a line that is not a call: %s', async line => {
    await expect(read([`{"body":""}\n${line}\n`])).rejects.toThrow(
      'calls.ndjson, line 2: expected a recorded call: {"body":"…"}.',
    );
  });

  it('rejects a call without a time if times are needed', async () => {
    await expect(read(['{"body":""}'], { needsTimes: true })).rejects.toThrow(
      'line 1: expected a recorded call with `receivedAt`, which --speed needs',
    );
  });
});
