import { buildEvent } from './build-event.js';
import { explainEntry, type EntryPlace } from './explain-entry.js';
import type { InvalidXeniooEntry } from './invalid-xenioo.entry.js';
import type { XeniooEvent } from './xenioo.event.js';
import type { XeniooReceipt } from './xenioo.receipt.js';

/** What one entry becomes. */
export type XeniooEntry = XeniooEvent | InvalidXeniooEntry;

/** Turns one entry of a call into an event, or into the record of what is wrong with it. Never throws. */
export function parseEntry(
  entry: unknown,
  receipt: XeniooReceipt,
  place: EntryPlace,
): XeniooEntry {
  return (
    buildEvent(entry, receipt, place.id) ?? explainEntry(entry, receipt, place)
  );
}
