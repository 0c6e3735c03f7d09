import { InvalidXeniooEntry } from '../../lib/events/invalid-xenioo.entry.js';
import { parseEntry, type XeniooEntry } from '../../lib/events/parse-entry.js';
import { XeniooEvent } from '../../lib/events/xenioo.events.js';
import type { XeniooReceipt } from '../../lib/events/xenioo.receipt.js';
import type { XeniooBotSettings } from '../../lib/options/xenioo.options.js';

/** Who sent an entry, and when. */
export function createReceipt(
  bot: Partial<XeniooBotSettings> = {},
): XeniooReceipt & { readonly bot: XeniooBotSettings } {
  return {
    bot: { name: 'default', secrets: ['right-secret'], ...bot },
    receivedAt: new Date('2024-05-01T12:00:00Z'),
  };
}

/** What an entry becomes that came alone. */
export function entryOf(
  entry: unknown,
  bot?: Partial<XeniooBotSettings>,
): XeniooEntry {
  const text = () => JSON.stringify(entry);
  return parseEntry(entry, createReceipt(bot), { index: 0, text });
}

/** The event of an entry that makes one. */
export function eventOf(
  entry: unknown,
  bot?: Partial<XeniooBotSettings>,
): XeniooEvent {
  const event = entryOf(entry, bot);
  if (event instanceof XeniooEvent) return event;
  throw new Error(`Not an event: ${event.errors.join('; ')}`);
}

/** The record of an entry that makes no event. */
export function invalidOf(
  entry: unknown,
  bot?: Partial<XeniooBotSettings>,
): InvalidXeniooEntry {
  const invalid = entryOf(entry, bot);
  if (invalid instanceof InvalidXeniooEntry) return invalid;
  throw new Error(`An event: ${invalid.typeName}`);
}
