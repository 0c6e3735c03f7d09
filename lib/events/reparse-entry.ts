import { invalidEntry } from './explain-entry.js';
import type { InvalidXeniooEntry } from './invalid-xenioo.entry.js';
import { arrayPieces } from './json-array.js';
import { parseBody } from './parse-body.js';
import { parseEntry, type XeniooEntry } from './parse-entry.js';
import type { XeniooReceipt } from './xenioo.receipt.js';
import { isInvalidEntry } from './xenioo-event.table.js';

/**
 * Parses again what was invalid when it was received: another version, or the
 * bots of today, may accept it. A body may turn out to be several entries.
 */
export function reparseEntry(
  entry: InvalidXeniooEntry,
  bot: XeniooReceipt['bot'],
): XeniooEntry[] {
  const { id, raw, reason, receivedAt } = entry;
  const receipt = { bot, receivedAt };
  if (typeof raw === 'string' && reason === 'too-many-entries') {
    return parseSlices(raw, receipt);
  }
  if (typeof raw === 'string' && reason !== 'not-an-event') {
    const entries = parseBody(raw, receipt);
    const [again] = entries;
    if (again && isInvalidEntry(again) && again.reason === 'not-json') {
      // The first errors say more where the body could not be decoded: `raw` is base64 then.
      const errors = new Set([...again.errors, ...entry.errors]);
      return [invalidEntry('not-json', [...errors], raw, receipt, id)];
    }
    return entries;
  }
  const place = { index: 0, text: () => JSON.stringify(raw) };
  const again = parseEntry(raw, receipt, place);
  const hasIdOfItsOwn = isInvalidEntry(again) || again.date === undefined;
  return [hasIdOfItsOwn ? parseEntry(raw, receipt, { ...place, id }) : again];
}

/** Parses an array of any length, up to the first slice with an invalid entry: a dead letter is replayed as a whole or not at all. */
function parseSlices(body: string, receipt: XeniooReceipt): XeniooEntry[] {
  const entries: XeniooEntry[] = [];
  for (const { text } of arrayPieces(body)) {
    const slice = parseBody(text, receipt, entries.length);
    entries.push(...slice);
    if (slice.some(isInvalidEntry)) break;
  }
  return entries;
}
