import { plural } from '../plural.js';
import {
  explainEntry,
  invalidEntry,
  type EntryPosition,
} from './explain-entry.js';
import type { InvalidXeniooEntry } from './invalid-xenioo.entry.js';
import {
  arrayPieces,
  elementTexts,
  MAX_ENTRIES,
  PIECE_LENGTH,
  type ArrayPiece,
} from './json-array.js';
import { buildEvent, parseEntry, type XeniooEntry } from './parse-entry.js';
import type { XeniooReceipt } from './xenioo.receipt.js';

const BYTE_ORDER_MARK = '\uFEFF';

/** The beginning of a JSON array, with the white space that JSON allows. */
const ARRAY = /^[ \t\n\r]*\[/;

/** Number of entries that are parsed in one step. */
const ENTRIES_PER_STEP = 32;

/**
 * Parses the body of a call, one entry or an array of entries, into events and
 * invalid entries in the same order. Never throws.
 *
 * @param firstIndex index of the first entry, for error messages; greater than 0 for a slice of a longer body
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

/** Parses a body like `parseBody()`, in steps of about a millisecond, so that the caller can yield to the event loop between them. */
export function* parseInSteps(
  body: string,
  receipt: XeniooReceipt,
  firstIndex = 0,
): Generator<void, XeniooEntry[]> {
  const text = body.startsWith(BYTE_ORDER_MARK) ? body.slice(1) : body;
  const positionOf = entryPositions(text, firstIndex);
  if (text.length > PIECE_LENGTH && ARRAY.test(text)) {
    const pieces = yield* cutInSteps(text);
    if (!pieces) return [tooManyEntries(body, receipt)];
    const entries = yield* parsePieces(pieces, receipt, positionOf);
    if (entries) return entries;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return [
      invalidEntry(
        'not-json',
        [describeSyntaxError(text, error)],
        body,
        receipt,
      ),
    ];
  }
  if (!Array.isArray(json)) {
    return [parseEntry(json, receipt, { index: firstIndex, text: () => text })];
  }
  if (json.length > MAX_ENTRIES) return [tooManyEntries(body, receipt)];
  const entries: XeniooEntry[] = [];
  yield* addEntries(entries, json, receipt, positionOf);
  return entries;
}

/** Cuts a long array into pieces; returns `undefined` if it has more than {@link MAX_ENTRIES} elements. */
function* cutInSteps(text: string): Generator<void, ArrayPiece[] | undefined> {
  const pieces: ArrayPiece[] = [];
  let length = 0;
  for (const piece of arrayPieces(text)) {
    length += piece.length;
    if (length > MAX_ENTRIES) return undefined;
    pieces.push(piece);
    yield;
  }
  return pieces;
}

/** Parses the pieces of a long array. Returns `undefined` if one is not JSON: only parsing the whole text gives the right error position. */
function* parsePieces(
  pieces: readonly ArrayPiece[],
  receipt: XeniooReceipt,
  positionOf: PositionOf,
): Generator<void, XeniooEntry[] | undefined> {
  const entries: XeniooEntry[] = [];
  for (const piece of pieces) {
    const elements = parsePiece(piece);
    if (!elements) return undefined;
    yield* addEntries(entries, elements, receipt, positionOf);
  }
  return entries;
}

/** Parses a piece; returns `undefined` if it is not JSON. An extra comma can leave an empty piece, whose counted length is 1. */
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
  positionOf: PositionOf,
): Generator<void, void> {
  for (const [index, value] of values.entries()) {
    if (index % ENTRIES_PER_STEP === 0) yield;
    entries.push(
      buildEvent(value, receipt) ??
        explainEntry(value, receipt, positionOf(entries.length)),
    );
  }
}

type PositionOf = (index: number) => EntryPosition;

/** Returns a function that describes the position of an entry. The text is cut into entries once, and only if one is needed. */
function entryPositions(array: string, firstIndex: number): PositionOf {
  let texts: readonly string[] | undefined;
  return index => ({
    index: firstIndex + index,
    text: () => (texts ??= elementTexts(array))[index]!,
  });
}

function tooManyEntries(
  body: string,
  receipt: XeniooReceipt,
): InvalidXeniooEntry {
  const error = `the body has more than ${MAX_ENTRIES} entries`;
  return invalidEntry('too-many-entries', [error], body, receipt);
}

const POSITION = / JSON at position (\d+)(?: \(line \d+ column \d+\))?$/;

/** Describes a syntax error of the body. V8's own message quotes the body, so only the position is taken from it. */
function describeSyntaxError(text: string, error: unknown): string {
  if (text.trim() === '') return 'the body is empty';
  const position = POSITION.exec(String(error))?.[1];
  if (position === undefined) return 'the body is not valid JSON';
  return Number(position) >= text.length
    ? `the body is not valid JSON: it ends too early, after ${plural(text.length, 'character')}`
    : `the body is not valid JSON: syntax error at character ${position} of ${text.length}`;
}
