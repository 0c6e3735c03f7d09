import { InvalidXeniooEntry } from './invalid-xenioo.entry.js';
import type { XeniooEntry } from './parse-entry.js';
import { XENIOO_EVENT_NAMES } from './xenioo-event.table.js';

/** Under which name the bus hears of an entry. */
export function busNameOf(entry: XeniooEntry): string {
  return entry instanceof InvalidXeniooEntry
    ? XENIOO_EVENT_NAMES.Invalid
    : `xenioo.${entry.typeName}`;
}
