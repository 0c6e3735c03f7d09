import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arrayPieces,
  elementTexts,
  MAX_ENTRIES,
  PIECE_LENGTH,
} from '../../../lib/events/json-array.js';
import { isIdentical } from '../../support/is-identical.js';

const SPACES = ['', ' ', '\n', '\t\r\n '];

describe('elementTexts()', () => {
  it('returns the text of each element of an array', () => {
    expect(elementTexts('[{"Type":1}, 2 ,"three",\n[4, [5]] , null]')).toEqual([
      '{"Type":1}',
      '2',
      '"three"',
      '[4, [5]]',
      'null',
    ]);
  });

  it('returns the text of each member of an object', () => {
    expect(elementTexts(' {"a":1, "b":{"c":[2,3]}}')).toEqual([
      '"a":1',
      '"b":{"c":[2,3]}',
    ]);
  });

  it('ignores brackets, commas and quotes inside strings', () => {
    const array = String.raw`["a,b", {"]":"}[{"}, "\"],", "\\", "\\\"]"]`;

    expect(elementTexts(array)).toEqual([
      String.raw`"a,b"`,
      String.raw`{"]":"}[{"}`,
      String.raw`"\"],"`,
      String.raw`"\\"`,
      String.raw`"\\\"]"`,
    ]);
  });

  it.each(['[]', ' [ ] '])('returns no text for %o', array => {
    expect(elementTexts(array)).toEqual([]);
  });

  it('supports elements that are nested too deeply for recursion', () => {
    const deep = `${'[{"a":'.repeat(100_000)}1${'}]'.repeat(100_000)}`;

    expect(elementTexts(`[1,${deep},2]`)).toEqual(['1', deep, '2']);
  });

  it('keeps every element, whatever its content and white space', () => {
    const elements = fc.array(fc.jsonValue(), { minLength: 1, maxLength: 8 });
    const space = fc.constantFrom(...SPACES);

    fc.assert(
      fc.property(elements, space, fc.nat(4), (values, gap, indent) => {
        const texts = values.map(value => JSON.stringify(value, null, indent));
        const array = `${gap}[${gap}${texts.join(`${gap},${gap}`)}${gap}]${gap}`;

        expect(elementTexts(array)).toEqual(texts);
      }),
      { numRuns: 500 },
    );
  });
});

describe('arrayPieces()', () => {
  const pieces = (text: string) => [...arrayPieces(text)];
  const values = (text: string) =>
    pieces(text).flatMap(piece => JSON.parse(piece.text) as unknown[]);

  it('returns a short array as one piece', () => {
    expect(pieces(' [1, {"a":[2,3]}, "]"] ')).toEqual([
      { text: '[1, {"a":[2,3]}, "]"] ', length: 3 },
    ]);
  });

  it('splits a long array into pieces of about half a megabyte, in order', () => {
    const entries = Array.from({ length: 6_000 }, (_, index) => ({
      Data: `${index}, {"Type":1},{"Type":2}] ,[ \\"`.repeat(10),
      cart: { items: [{ index }, { index }] },
    }));
    const text = JSON.stringify(entries, null, 1);

    expect(values(text)).toEqual(entries);
    expect(pieces(text).length).toBeGreaterThan(3);
    for (const piece of pieces(text).slice(0, -1)) {
      expect(piece.text.length).toBeGreaterThan(PIECE_LENGTH);
      expect(piece.text.length).toBeLessThan(PIECE_LENGTH + 2_000);
      expect(JSON.parse(piece.text)).toHaveLength(piece.length);
    }
  });

  it('ends a piece after 20,000 elements', () => {
    const text = `[${'{},'.repeat(2 * MAX_ENTRIES)}0]`;

    expect(pieces(text).map(({ length }) => length)).toEqual([
      MAX_ENTRIES,
      MAX_ENTRIES,
      1,
    ]);
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

/** Arrays of values that contain text similar to an element boundary. */
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

/** Texts of arrays with a part replaced or removed. */
const brokenText = fc
  .tuple(arrayText, fc.nat(), fc.nat(3), fc.constantFrom('', ...SYNTAX))
  .map(([text, seed, cut, token]) => {
    const at = seed % (text.length + 1);
    return text.slice(0, at) + token + text.slice(at + cut);
  });

/** Parses an array element by element. */
function parseElements(text: string): unknown[] | undefined {
  const texts = elementTexts(text);
  try {
    return texts.map(element => JSON.parse(element) as unknown);
  } catch {
    return undefined;
  }
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

it('elementTexts() and arrayPieces() find every element of any array', () => {
  fc.assert(
    fc.property(arrayText, text => {
      expect(isIdentical(parseElements(text), parseOrUndefined(text))).toBe(
        true,
      );
      expect(
        isIdentical(
          JSON.parse([...arrayPieces(text)][0]!.text),
          parseOrUndefined(text),
        ),
      ).toBe(true);
    }),
    { numRuns: 1_500 },
  );
});

it('elementTexts() and arrayPieces() accept any text', () => {
  fc.assert(
    fc.property(fc.oneof(brokenText, fc.string({ unit: 'binary' })), text => {
      expect([...arrayPieces(text)]).toHaveLength(1);
      expect(elementTexts(text)).toBeInstanceOf(Array);
    }),
    { numRuns: 1_000 },
  );
});
