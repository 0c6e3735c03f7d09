import { InvalidXeniooEntry } from '../../lib/events/invalid-xenioo.entry.js';
import { parseEntry, type XeniooEntry } from '../../lib/events/parse-entry.js';
import { XeniooEvent } from '../../lib/events/xenioo.events.js';
import type { XeniooReceipt } from '../../lib/events/xenioo.receipt.js';
import type { XeniooBotSettings } from '../../lib/options/xenioo.options.js';

/** Creates the receipt of an entry: the bot and the time. */
export function createReceipt(
  bot: Partial<XeniooBotSettings> = {},
): XeniooReceipt & { readonly bot: XeniooBotSettings } {
  return {
    bot: { name: 'default', secrets: ['right-secret'], ...bot },
    receivedAt: new Date('2024-05-01T12:00:00Z'),
  };
}

/** Parses an entry that was sent alone. */
export function entryOf(
  entry: unknown,
  bot?: Partial<XeniooBotSettings>,
): XeniooEntry {
  const text = () => JSON.stringify(entry);
  return parseEntry(entry, createReceipt(bot), { index: 0, text });
}

/** Parses a valid entry. */
export function eventOf(
  entry: unknown,
  bot?: Partial<XeniooBotSettings>,
): XeniooEvent {
  const event = entryOf(entry, bot);
  if (event instanceof XeniooEvent) return event;
  throw new Error(`Not an event: ${event.errors.join('; ')}`);
}

/** Parses an invalid entry. */
export function invalidOf(
  entry: unknown,
  bot?: Partial<XeniooBotSettings>,
): InvalidXeniooEntry {
  const invalid = entryOf(entry, bot);
  if (invalid instanceof InvalidXeniooEntry) return invalid;
  throw new Error(`An event: ${invalid.typeName}`);
}
