const SYMBOL = '🙂';

const SYMBOLS = /[\p{So}\p{Extended_Pictographic}\p{Emoji_Modifier}]/gu;

// Marks are vowels in many scripts, and tags can spell a text that nobody sees.
const OTHER_LETTERS =
  /[^\p{Lu}\p{N}\p{Z}\p{P}\p{S}\p{Cc}\p{Cf}\p{Cs}\uFE00-\uFE0F]|[\u{E0000}-\u{E007F}]/gu;

/**
 * A text without its words: each letter becomes `x` or `X`, each digit `0`, each
 * emoji or other symbol one and the same, in any script. As many characters, and
 * spaces, line breaks and punctuation, as before.
 */
export function maskWords(text: string): string {
  const plain = text
    .replaceAll(/[a-z]+/g, letters => 'x'.repeat(letters.length))
    .replaceAll(/[A-Z]/g, 'X')
    .replaceAll(/\d/g, '0');
  // Most texts are done with this, in a fraction of the time.
  if (!/\P{ASCII}/u.test(plain)) return plain;
  return plain
    .replaceAll(SYMBOLS, SYMBOL)
    .replaceAll(/[\p{Lu}\p{Lt}]/gu, 'X')
    .replaceAll(/\p{N}/gu, '0')
    .replaceAll(OTHER_LETTERS, 'x');
}

/** A number as JSON spells it with other digits, as many: `1000` and the like, since none begins with 0. */
export function maskNumber(number: string): string {
  return number.replaceAll(/\d/g, '0').replace('0', '1');
}
