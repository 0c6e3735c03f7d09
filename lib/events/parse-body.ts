import {
  explainEntry,
  invalidEntry,
  type EntryPlace,
} from './explain-entry.js';
import type { InvalidXeniooEntry } from './invalid-xenioo.entry.js';
import {
  arrayPieces,
  elementTexts,
  MOST_ENTRIES,
  PIECE_LENGTH,
  type ArrayPiece,
} from './json-array.js';
import { buildEvent, parseEntry, type XeniooEntry } from './parse-entry.js';
import type { XeniooReceipt } from './xenioo.receipt.js';

const BYTE_ORDER_MARK = '\uFEFF';

/** The beginning of a JSON array; JSON knows no other white space. */
const ARRAY = /^[ \t\n\r]*\[/;

/** Number of entries that are built in one step. */
const ENTRIES_PER_STEP = 32;

/**
 * Turns the body of a call, one entry or an array of entries, into events and
 * invalid entries, in their order. Never throws.
 *
 * @param firstIndex index of the first entry, for the errors, where the body is a slice of another
 */
export function parseBody(
  body: string,
  receipt: XeniooReceipt,
  firstIndex = 0,
): XeniooEntry[] {
  const steps = parseInSteps(body, receipt, firstIndex);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Parses a body as `parseBody()` does, in steps of about a millisecond: the caller may let the event loop turn between two of them. */
export function* parseInSteps(
  body: string,
  receipt: XeniooReceipt,
  firstIndex = 0,
): Generator<void, XeniooEntry[]> {
  const text = body.startsWith(BYTE_ORDER_MARK) ? body.slice(1) : body;
  const place = placesIn(text, firstIndex);
  if (text.length > PIECE_LENGTH && ARRAY.test(text)) {
    const pieces = yield* cutInSteps(text);
    if (!pieces) return [tooManyEntries(body, receipt)];
    const entries = yield* parsePieces(pieces, receipt, place);
    if (entries) return entries;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return [invalidEntry('not-json', [notJson(text, error)], body, receipt)];
  }
  if (!Array.isArray(json)) {
    return [parseEntry(json, receipt, { index: firstIndex, text: () => text })];
  }
  if (json.length > MOST_ENTRIES) return [tooManyEntries(body, receipt)];
  const entries: XeniooEntry[] = [];
  yield* addEntries(entries, json, receipt, place);
  return entries;
}

/** Cuts a long array; `undefined` for more than {@link MOST_ENTRIES} elements. */
function* cutInSteps(text: string): Generator<void, ArrayPiece[] | undefined> {
  const pieces: ArrayPiece[] = [];
  let length = 0;
  for (const piece of arrayPieces(text)) {
    length += piece.length;
    if (length > MOST_ENTRIES) return undefined;
    pieces.push(piece);
    yield;
  }
  return pieces;
}

/** Parses a long array; `undefined` where a piece is not JSON, since the error of the whole text has the right position. */
function* parsePieces(
  pieces: readonly ArrayPiece[],
  receipt: XeniooReceipt,
  place: PlaceOf,
): Generator<void, XeniooEntry[] | undefined> {
  const entries: XeniooEntry[] = [];
  for (const piece of pieces) {
    const elements = parsePiece(piece);
    if (!elements) return undefined;
    yield* addEntries(entries, elements, receipt, place);
  }
  return entries;
}

/** Fewer elements than were counted come from a comma too many. */
function parsePiece({ text, length }: ArrayPiece): unknown[] | undefined {
  try {
    const elements = JSON.parse(text) as unknown[];
    return elements.length === length ? elements : undefined;
  } catch {
    return undefined;
  }
}

function* addEntries(
  entries: XeniooEntry[],
  values: readonly unknown[],
  receipt: XeniooReceipt,
  place: PlaceOf,
): Generator<void, void> {
  for (const [at, value] of values.entries()) {
    if (at % ENTRIES_PER_STEP === 0) yield;
    entries.push(
      buildEvent(value, receipt) ??
        explainEntry(value, receipt, place(entries.length)),
    );
  }
}

type PlaceOf = (at: number) => EntryPlace;

/** Returns the places of the entries of an array; its text is cut once, and only if an entry needs it. */
function placesIn(array: string, firstIndex: number): PlaceOf {
  let texts: readonly string[] | undefined;
  return at => ({
    index: firstIndex + at,
    text: () => (texts ??= elementTexts(array))[at]!,
  });
}

function tooManyEntries(
  body: string,
  receipt: XeniooReceipt,
): InvalidXeniooEntry {
  const error = `the body has more than ${MOST_ENTRIES} entries`;
  return invalidEntry('too-many-entries', [error], body, receipt);
}

const POSITION = / JSON at position (\d+)(?: \(line \d+ column \d+\))?$/;

/** The engine's own message quotes the body: only the position is taken from it. */
function notJson(text: string, error: unknown): string {
  if (text.trim() === '') return 'the body is empty';
  const position = POSITION.exec(String(error))?.[1];
  if (position === undefined) return 'the body is not JSON';
  return Number(position) >= text.length
    ? `the body is not JSON: it ends after ${text.length} characters`
    : `the body is not JSON from character ${position} of ${text.length} on`;
}
