/** In characters: `JSON.parse` takes about a millisecond for it. */
export const PIECE_LENGTH = 512 * 1_024;

/** The beginning of an array of objects: the first of them, up to its first name. */
const BEGINNING = /^[ \t\n\r]*\[[ \t\n\r]*(\{[ \t\n\r]*"[^"\\]{0,64}")/;

/** What JSON takes for white space: what is not, has to be found where it is. */
const SPACE = /[ \t\n\r]/;

/**
 * Parses the text of a JSON array of objects piece by piece, as `JSON.parse`
 * does, and gives the elements of each.
 *
 * Where to cut is guessed: before what looks as the first object does. A wrong
 * guess is always noticed: a parser goes from left to right, so the text before a
 * comma, closed by a bracket, is an array only if that comma is one between two
 * elements of the array itself.
 *
 * @returns whether that was the whole text; if not, it has to be parsed at once, for what it holds or for what is wrong with it
 */
export function* arrayPieces(
  text: string,
  pieceLength = PIECE_LENGTH,
): Generator<unknown[], boolean> {
  const opening = BEGINNING.exec(text)?.[1];
  if (opening === undefined) return false;
  let start = text.indexOf(opening);
  for (;;) {
    const next = nextLike(opening, text, start + pieceLength);
    const piece =
      next === -1
        ? text.slice(start)
        : `${text.slice(start, text.lastIndexOf(',', next))}]`;
    const elements = parsedArray(`[${piece}`);
    if (!elements) return false;
    yield elements;
    if (next === -1) return true;
    start = next;
  }
}

/** Where such an opening follows a comma, from some place on; -1 if nowhere. */
function nextLike(opening: string, text: string, from: number): number {
  let at = text.indexOf(opening, from);
  while (at !== -1 && !followsComma(text, at)) {
    at = text.indexOf(opening, at + 1);
  }
  return at;
}

function followsComma(text: string, at: number): boolean {
  let before = at - 1;
  while (SPACE.test(text[before]!)) before--;
  return text[before] === ',';
}

function parsedArray(text: string): unknown[] | undefined {
  try {
    return JSON.parse(text) as unknown[];
  } catch {
    return undefined;
  }
}
