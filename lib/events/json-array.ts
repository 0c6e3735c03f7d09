/** Length of a piece in characters. `JSON.parse` takes about a millisecond for a piece. */
export const PIECE_LENGTH = 512 * 1_024;

/** Upper bound of the entries of a body, and of a piece of it. */
export const MAX_ENTRIES = 20_000;

/** A JSON array of consecutive elements of a longer array. */
export interface ArrayPiece {
  readonly text: string;
  readonly length: number;
}

/**
 * Cuts the text of a JSON array into pieces of about {@link PIECE_LENGTH} and at
 * most {@link MAX_ENTRIES} elements. If the text is not valid JSON, at least one
 * of the pieces is not valid either.
 */
export function* arrayPieces(text: string): Generator<ArrayPiece> {
  let start = text.indexOf('[') + 1;
  let length = 0;
  for (let at = start; ; at++) {
    at = elementEnd(text, at);
    length++;
    if (text[at] !== ',') break;
    if (at - start < PIECE_LENGTH && length < MAX_ENTRIES) continue;
    yield { text: `[${text.slice(start, at)}]`, length };
    start = at + 1;
    length = 0;
  }
  yield { text: `[${text.slice(start)}`, length };
}

/** Returns the JSON text of each element of an array, or of each member of an object. */
export function elementTexts(text: string): string[] {
  const texts: string[] = [];
  for (let at = text.search(/[[{]/); text[at] !== undefined;) {
    const end = elementEnd(text, at + 1);
    texts.push(text.slice(at + 1, end).trim());
    if (text[end] !== ',') break;
    at = end;
  }
  return texts.length === 1 && texts[0] === '' ? [] : texts;
}

const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c];
const [BRACKET, CLOSING_BRACKET, BRACE, CLOSING_BRACE] = [
  0x5b, 0x5d, 0x7b, 0x7d,
];

/** Returns the position of the comma or bracket after the element that starts at a position. */
function elementEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(text, at);
    } else if (code === BRACKET || code === BRACE) {
      depth++;
    } else if (code === CLOSING_BRACKET || code === CLOSING_BRACE) {
      if (depth-- === 0) return at;
    } else if (code === COMMA && depth === 0) {
      return at;
    }
  }
  return text.length;
}

/** Returns the position of the quote that ends a string. */
function stringEnd(text: string, quote: number): number {
  let at = text.indexOf('"', quote + 1);
  while (at !== -1 && isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at === -1 ? text.length : at;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}
