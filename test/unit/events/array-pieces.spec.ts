import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrayPieces } from '../../../lib/events/array-pieces.js';
import { isSame } from '../../support/is-same.js';

/** The elements of all pieces; nothing where the text has to be parsed at once. */
function inPieces(text: string, pieceLength: number): unknown[][] | undefined {
  const pieces = arrayPieces(text, pieceLength);
  const all: unknown[][] = [];
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value ? all : undefined;
    all.push(value);
  }
}

function atOnce(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const ENTRIES = Array.from({ length: 100 }, (_, index) => ({
  Type: 1,
  Data: `Hello ${index}, {"Type":1},{"Type":2}] ,[ \\"`,
  cart: { items: [index] },
}));

describe('a long array', () => {
  it.each([
    ['', ''],
    [' ', '\n'],
    ['\r\n\t', ' '],
  ])(
    'comes in pieces of about a length, whole and in order',
    (before, after) => {
      const elements = ENTRIES.map(entry => JSON.stringify(entry));
      const text = `${before}[${after}${elements.join(`${before},${after}`)}${after}]${before}`;
      const pieces = inPieces(text, 500)!;

      expect(pieces.length).toBeGreaterThan(10);
      expect(pieces.flat()).toEqual(ENTRIES);
    },
  );

  it('may have more space between two elements than a piece is long', () => {
    const text = `[{"a":1},${' '.repeat(50)}{"a":2},\n\n\n{"a":3}]`;

    expect(inPieces(text, 2)).toEqual([[{ a: 1 }], [{ a: 2 }], [{ a: 3 }]]);
  });

  it('comes in pieces where objects in it look like its own', () => {
    const nested = ENTRIES.map(entry => ({ ...entry, last: { ...entry } }));
    const pieces = inPieces(JSON.stringify(nested), 500)!;

    expect(pieces.length).toBeGreaterThan(10);
    expect(pieces.flat()).toEqual(nested);
  });
});

describe('what is parsed at once instead', () => {
  it.each([
    ['nothing', ''],
    ['an object', '{"Type":1}'],
    ['an array of no objects', '[1,{"Type":1},{"Type":2}]'],
    ['an array that ends early', '[{"a":1},{"a":2}],{"a":3}'],
    ['an array that is closed too often', '[{"a":1},{"a":2}]]'],
    ['an array that is opened again', '[{"a":1}],[{"a":2}]'],
    ['an array that is not closed', '[{"a":1},{"a":2}'],
    ['a comma too many', '[{"a":1},{"a":2},]'],
    ['two commas', '[{"a":1},,{"a":2}]'],
    ['a comma too few', '[{"a":1}{"a":2}]'],
    ['a space that is none in JSON', '[{"a":1},\u00A0{"a":2}]'],
    ['such a space at the beginning', '\u00A0[{"a":1},{"a":2}]'],
    ['such a space at the end', '[{"a":1},{"a":2}\uFEFF]'],
    ['lists of objects', '[{"a":[{"a":1},{"a":2}]},{"a":[{"a":1},{"a":2}]}]'],
  ])('%s', (_, text) => {
    expect(inPieces(text, 1)).toBeUndefined();
  });
});

const objects = fc.letrec<{ value: unknown; object: object }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('},{', '{"a":1},{"a":2}', '],[', '\\', '"', ',{"a"'),
    fc.constantFrom(0, 1e21, true, null, []),
    fc.array(tie('object'), { maxLength: 3 }),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), tie('value'), {
    maxKeys: 3,
    noNullPrototype: true,
  }),
}));

const space = fc.constantFrom('', '', ' ', '\n\t', '\r');

/** Arrays of objects that do their best to look cut where they are not. */
const arrayText = fc
  .tuple(
    fc.array(fc.oneof(objects.object, objects.value), { maxLength: 12 }),
    fc.array(space, { minLength: 4, maxLength: 4 }),
    fc.constantFrom(0, 1),
  )
  .map(([elements, [a, b, c, d], indent]) =>
    [
      `${a}[${b}`,
      elements
        .map(element => JSON.stringify(element, null, indent))
        .join(`${c},${d}`),
      `${d}]${a}`,
    ].join(''),
  );

const SYNTAX = [
  '\u00A0',
  '[',
  ']',
  '{',
  '}',
  '"',
  ',',
  ':',
  '\\',
  ' ',
  '{"a":1}',
  ',{',
];

/** The same with something written over some of it, or cut out of it. */
const brokenText = fc
  .tuple(arrayText, fc.nat(), fc.nat(3), fc.constantFrom('', ...SYNTAX))
  .map(([text, seed, cut, token]) => {
    const at = seed % (text.length + 1);
    return text.slice(0, at) + token + text.slice(at + cut);
  });

describe('whatever is parsed in pieces', () => {
  it('is what it is at once', () => {
    const text = fc.oneof(arrayText, brokenText);

    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 60 }), (text, length) => {
        const pieces = inPieces(text, length);

        expect(!pieces || isSame(pieces.flat(), atOnce(text))).toBe(true);
      }),
      { numRuns: 10_000 },
    );
  });
});
