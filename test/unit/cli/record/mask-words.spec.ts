import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  maskNumber,
  maskWords,
} from '../../../../lib/cli/record/mask-words.js';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.lorem({ mode: 'sentences' }),
);

describe('a text that is masked', () => {
  it.each([
    ['Hello there, Ada!', 'Xxxxx xxxxx, Xxx!'],
    ['+49 (170) 123-45', '+00 (000) 000-00'],
    ['Grüße an Jürgen ß', 'Xxxxx xx Xxxxxx x'],
    ['渡辺 恵。٣', 'xx x。0'],
    ['Олена', 'Xxxxx'],
    // A mark is a vowel here.
    ['नमस्ते', 'xxxxxx'],
    ['e\u0301', 'xx'],
    ['ǅ', 'X'],
    ['a\n\tb c', 'x\n\tx x'],
    ['', ''],
  ])('%j is %j', (text, masked) => {
    expect(maskWords(text)).toBe(masked);
  });

  it.each([
    ['nice 😕 day', 'xxxx 🙂 xxx'],
    ['👍🏽', '🙂🙂'],
    ['❤️', '🙂\uFE0F'],
    ['🇮🇹', '🙂🙂'],
    ['ⒶⒹⒶ', '🙂🙂🙂'],
    // What nobody sees spells a text too.
    ['\u{E0041}\u{E0064}', 'xx'],
  ])('of emojis tells only that they are there: %j is %j', (text, masked) => {
    expect(maskWords(text)).toBe(masked);
  });

  it('has as many characters as before, and the same spaces and punctuation', () => {
    const shape = (text: string) =>
      Array.from(text, character =>
        /[\p{P}\p{Z}\p{Cc}]/u.test(character) &&
        !/\p{Extended_Pictographic}/u.test(character)
          ? character
          : '',
      );
    fc.assert(
      fc.property(anyText, text => {
        expect(shape(maskWords(text))).toEqual(shape(text));
      }),
    );
  });

  it('has no letter and no digit but those that stand for all', () => {
    fc.assert(
      fc.property(anyText, text => {
        expect(maskWords(text)).not.toMatch(
          /[^\P{L}xX]|[^\P{N}0]|\p{M}(?<!\p{Variation_Selector})/u,
        );
      }),
    );
  });

  it('stays as it is when it is masked again', () => {
    fc.assert(
      fc.property(anyText, text => {
        expect(maskWords(maskWords(text))).toBe(maskWords(text));
      }),
    );
  });
});

describe('a number that is masked', () => {
  it.each([
    ['42', '10'],
    ['7', '1'],
    ['0', '1'],
    ['-0', '-1'],
    ['0.25', '1.00'],
    ['-12.5e+31', '-10.0e+00'],
    ['1e999', '1e000'],
    ['12345678901234567890', '10000000000000000000'],
  ])('%s is %s', (number, masked) => {
    expect(maskNumber(number)).toBe(masked);
  });

  it('is a number of as many digits, and stays so', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        number => {
          const text = JSON.stringify(number);
          const masked = maskNumber(text);
          expect(JSON.parse(masked)).toBeTypeOf('number');
          expect(masked).toHaveLength(text.length);
          expect(maskNumber(masked)).toBe(masked);
        },
      ),
    );
  });
});
