import { entryTexts } from './entry-texts.js';
import {
  invalidEntry,
  parseEntry,
  type XeniooEntry,
  type XeniooReceipt,
} from './parse-entry.js';

const BYTE_ORDER_MARK = '\uFEFF';

/**
 * Turns the body of a call, one entry or an array of any length, into as many
 * events and invalid entries, in their order and one at a time. Never throws.
 */
export function* parseBody(
  body: string,
  receipt: XeniooReceipt,
): Generator<XeniooEntry> {
  const text = body.startsWith(BYTE_ORDER_MARK) ? body.slice(1) : body;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    yield invalidEntry('not-json', [notJson(text, error)], body, receipt);
    return;
  }
  if (!Array.isArray(json)) {
    yield parseEntry(json, receipt, { index: 0, text: () => text });
    return;
  }
  let texts: string[] | undefined;
  for (const [index, entry] of json.entries()) {
    yield parseEntry(entry, receipt, {
      index,
      text: () => (texts ??= entryTexts(text))[index]!,
    });
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
