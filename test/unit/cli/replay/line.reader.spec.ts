import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readLines,
  type ReadLine,
} from '../../../../lib/cli/replay/line.reader.js';

async function read(bytes: Uint8Array, cuts: readonly number[] = []) {
  const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
  async function* chunks() {
    for (const [index, place] of places.slice(0, -1).entries()) {
      yield bytes.subarray(place, places[index + 1]);
    }
  }
  const lines: ReadLine[] = [];
  for await (const line of readLines(chunks())) lines.push(line);
  return lines;
}

describe('bytes that are cut into lines', () => {
  it('are the same lines, wherever they are cut', async () => {
    const text = fc.string({ unit: 'grapheme' });
    await fc.assert(
      fc.asyncProperty(text, text, fc.array(fc.nat(40)), async (a, b, cuts) => {
        const whole = `${a}\n\u2028\r${b}\n\n`;
        const bytes = Buffer.from(whole);
        const within = cuts.filter(cut => cut <= bytes.length);

        const lines = await read(bytes, within);

        const expected = whole.split('\n').slice(0, -1);
        expect(lines).toEqual(
          expected.map((text, index) => ({ number: index + 1, text })),
        );
      }),
    );
  });

  it('need no line break at their end', async () => {
    expect(await read(Buffer.from('a\nb'))).toEqual([
      { number: 1, text: 'a' },
      { number: 2, text: 'b' },
    ]);
    expect(await read(Buffer.from(''))).toEqual([]);
  });

  it('must be in UTF-8', async () => {
    expect(await read(Buffer.from('a\n\xFF\nb', 'latin1'))).toEqual([
      { number: 1, text: 'a' },
      { number: 2, problem: 'it is not in UTF-8' },
      { number: 3, text: 'b' },
    ]);
  });
});
