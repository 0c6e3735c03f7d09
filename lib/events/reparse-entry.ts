import type { XeniooBotSettings } from '../options/xenioo.options.js';
import { InvalidXeniooEntry } from './invalid-xenioo.entry.js';
import { parseBody } from './parse-body.js';
import { parseEntry, type XeniooEntry } from './parse-entry.js';

/**
 * Tries again what could not be understood when it was received: another version
 * may know better. A text that was not JSON may turn out to be several entries.
 */
export function reparseEntry(
  { id, raw, reason, receivedAt }: InvalidXeniooEntry,
  bot: XeniooBotSettings,
): XeniooEntry[] {
  const receipt = { bot, receivedAt };
  const isText = typeof raw === 'string' && reason !== 'not-an-event';
  if (isText) return parseBody(raw, receipt);
  const place = { index: 0, text: () => JSON.stringify(raw) };
  const entry = parseEntry(raw, receipt, place);
  const hasIdOfItsOwn =
    entry instanceof InvalidXeniooEntry || entry.date === undefined;
  return [hasIdOfItsOwn ? parseEntry(raw, receipt, { ...place, id }) : entry];
}
