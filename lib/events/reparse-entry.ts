import { invalidEntry } from './explain-entry.js';
import type { InvalidXeniooEntry } from './invalid-xenioo.entry.js';
import { arrayPieces } from './json-array.js';
import { parseBody } from './parse-body.js';
import { parseEntry, type XeniooEntry } from './parse-entry.js';
import type { XeniooReceipt } from './xenioo.receipt.js';
import { isInvalidEntry } from './xenioo-event.table.js';

/**
 * Parses an invalid entry again: another version of the package, or other bots, may
 * accept it now. A body that is valid now can give several entries.
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
      // `raw` may be the base64 of a body that could not be decoded; the errors of the first parsing say so.
      const errors = new Set([...again.errors, ...entry.errors]);
      return [invalidEntry('not-json', [...errors], raw, receipt, id)];
    }
    return entries;
  }
  const position = { index: 0, text: () => JSON.stringify(raw) };
  const again = parseEntry(raw, receipt, position);
  // The id of an event with a date is the hash of its fields; any other entry keeps the id it has.
  const keepsId = isInvalidEntry(again) || again.date === undefined;
  return [keepsId ? parseEntry(raw, receipt, { ...position, id }) : again];
}

/** Parses an array of any length. Stops after a slice with an invalid entry, since a dead letter is replayed as a whole or not at all. */
function parseSlices(body: string, receipt: XeniooReceipt): XeniooEntry[] {
  const entries: XeniooEntry[] = [];
  for (const { text } of arrayPieces(body)) {
    const slice = parseBody(text, receipt, entries.length);
    entries.push(...slice);
    if (slice.some(isInvalidEntry)) break;
  }
  return entries;
}
