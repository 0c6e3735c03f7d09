import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRecording } from '../../../lib/cli/read-recording.js';
import {
  formatLine,
  type RecordedCall,
} from '../../../lib/cli/recorded-call.js';

/** Reads a recording from these chunks and returns its calls and the skipped lines. */
async function readChunks(
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
  it('reads recorded calls from chunks of any size', async () => {
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
          // JSON escapes half a surrogate pair, so UTF-8 keeps it.
          expect(await readChunks(chunks)).toEqual({
            calls: recorded,
            incompleteLines: [],
          });
        },
      ),
    );
  });

  it('requires only the body', async () => {
    expect(await readChunks(['{"body":"{}"}'])).toEqual({
      calls: [{ body: '{}' }],
      incompleteLines: [],
    });
  });

  it('skips empty lines', async () => {
    const { calls, incompleteLines } = await readChunks([
      '\n{"body":""}\r\n\n  \n',
    ]);

    expect(calls).toHaveLength(1);
    expect(incompleteLines).toEqual([]);
  });

  it('skips and reports truncated lines', async () => {
    const { calls, incompleteLines } = await readChunks([
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
    await expect(readChunks([`{"body":""}\n${line}\n`])).rejects.toThrow(
      'calls.ndjson, line 2: expected a recorded call: {"body":"…"}.',
    );
  });

  it('rejects a call without a time when times are needed', async () => {
    await expect(
      readChunks(['{"body":""}'], { needsTimes: true }),
    ).rejects.toThrow(
      'line 1: expected a recorded call with `receivedAt`, which --speed needs',
    );
  });
});
