import { arrayPieces, PIECE_LENGTH } from './array-pieces.js';
import { buildEvent } from './build-event.js';
import { entryTexts } from './entry-texts.js';
import {
  explainEntry,
  invalidEntry,
  type EntryPlace,
} from './explain-entry.js';
import { parseEntry, type XeniooEntry } from './parse-entry.js';
import type { XeniooReceipt } from './xenioo.receipt.js';

const BYTE_ORDER_MARK = '\uFEFF';

/** How many entries are made in a step. */
const ENTRIES_A_STEP = 32;

/**
 * Turns the body of a call, one entry or an array of any length, into as many
 * events and invalid entries, in their order. Never throws.
 */
export function parseBody(body: string, receipt: XeniooReceipt): XeniooEntry[] {
  const steps = parseInSteps(body, receipt);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same in steps, none of which takes long: between two of them, others may have the event loop. */
export function* parseInSteps(
  body: string,
  receipt: XeniooReceipt,
): Generator<void, XeniooEntry[]> {
  const text = body.startsWith(BYTE_ORDER_MARK) ? body.slice(1) : body;
  if (text.length > PIECE_LENGTH) {
    const entries = yield* parsePieces(text, receipt);
    if (entries) return entries;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return [invalidEntry('not-json', [notJson(text, error)], body, receipt)];
  }
  if (!Array.isArray(json)) {
    return [parseEntry(json, receipt, { index: 0, text: () => text })];
  }
  yield;
  const array = new ParsedArray(text, receipt);
  yield* array.add(json);
  return array.entries;
}

/** Nothing where the text is not a long array of objects, or is no JSON. */
function* parsePieces(
  text: string,
  receipt: XeniooReceipt,
): Generator<void, XeniooEntry[] | undefined> {
  const array = new ParsedArray(text, receipt);
  const pieces = arrayPieces(text);
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value ? array.entries : undefined;
    yield;
    yield* array.add(value);
  }
}

/** What becomes of the elements of an array. */
class ParsedArray {
  readonly entries: XeniooEntry[] = [];
  private texts?: string[];

  constructor(
    private readonly text: string,
    private readonly receipt: XeniooReceipt,
  ) {}

  *add(values: readonly unknown[]): Generator<void, void> {
    for (let start = 0; start < values.length; start += ENTRIES_A_STEP) {
      this.addSome(values, start);
      yield;
    }
  }

  private addSome(values: readonly unknown[], start: number): void {
    const end = Math.min(values.length, start + ENTRIES_A_STEP);
    for (let at = start; at < end; at++) {
      const entry = values[at];
      this.entries.push(
        buildEvent(entry, this.receipt) ??
          explainEntry(entry, this.receipt, this.placeOf(this.entries.length)),
      );
    }
  }

  private placeOf(index: number): EntryPlace {
    return {
      index,
      text: () => (this.texts ??= entryTexts(this.text))[index]!,
    };
  }
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
