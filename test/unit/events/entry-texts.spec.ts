import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { entryTexts } from '../../../lib/events/entry-texts.js';

const SPACES = ['', ' ', '\n', '\t\r\n '];

it('cuts each element out of the array', () => {
  expect(entryTexts('[{"Type":1}, 2 ,"three",\n[4, [5]] , null]')).toEqual([
    '{"Type":1}',
    '2',
    '"three"',
    '[4, [5]]',
    'null',
  ]);
});

it('is not misled by what stands in strings', () => {
  const array = String.raw`["a,b", {"]":"}[{"}, "\"],", "\\", "\\\"]"]`;

  expect(entryTexts(array)).toEqual([
    String.raw`"a,b"`,
    String.raw`{"]":"}[{"}`,
    String.raw`"\"],"`,
    String.raw`"\\"`,
    String.raw`"\\\"]"`,
  ]);
});

it.each(['[]', ' [ ] '])('finds nothing in %o', array => {
  expect(entryTexts(array)).toEqual([]);
});

it('cuts elements that are nested too deeply for recursion', () => {
  const deep = `${'[{"a":'.repeat(100_000)}1${'}]'.repeat(100_000)}`;

  expect(entryTexts(`[1,${deep},2]`)).toEqual(['1', deep, '2']);
});

it('keeps every element, whatever it holds and however it is spaced', () => {
  const elements = fc.array(fc.jsonValue(), { minLength: 1, maxLength: 8 });
  const space = fc.constantFrom(...SPACES);

  fc.assert(
    fc.property(elements, space, fc.nat(4), (values, gap, indent) => {
      const texts = values.map(value => JSON.stringify(value, null, indent));
      const array = `${gap}[${gap}${texts.join(`${gap},${gap}`)}${gap}]${gap}`;

      expect(entryTexts(array)).toEqual(texts);
    }),
    { numRuns: 500 },
  );
});
