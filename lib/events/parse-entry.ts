import {
  newId,
  documentedFields,
  isForeign,
  isTypeNumber,
  type TypedWireEntry,
  type WireEntry,
} from './wire-entry.js';
import { explainEntry, type EntryPlace } from './explain-entry.js';
import { freezeEntry, variablesOf } from './freeze-entry.js';
import type { InvalidXeniooEntry } from './invalid-xenioo.entry.js';
import { parseWireDate } from './wire-date.js';
import { eventRow } from './xenioo-event.table.js';
import type { XeniooEvent } from './xenioo.events.js';
import type { XeniooReceipt } from './xenioo.receipt.js';

/** An event where the entry is valid. */
export type XeniooEntry = XeniooEvent | InvalidXeniooEntry;

/** Turns one entry of a call into an event, or into the record of its errors. Never throws. */
export function parseEntry(
  entry: unknown,
  receipt: XeniooReceipt,
  place: EntryPlace,
): XeniooEntry {
  return (
    buildEvent(entry, receipt, place.id) ?? explainEntry(entry, receipt, place)
  );
}

/**
 * Builds the event of a valid entry, and freezes both. It accepts what the
 * decorators of the event classes accept, in a tenth of their time; `explainEntry()`
 * asks them what is wrong with all others.
 *
 * @param id the id that was made at receipt, where the entry was received before
 * @returns `undefined` for an invalid entry
 */
export function buildEvent(
  entry: unknown,
  { bot, receivedAt }: XeniooReceipt,
  id?: string,
): XeniooEvent | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const raw = entry as Readonly<Record<string, unknown>>;
  const fields = documentedFields<WireEntry>(raw);
  const common = countCommonTexts(fields);
  if (common < 0 || !hasType(fields)) return undefined;
  const row = eventRow(fields.Type);
  const others = countOtherTexts(fields);
  const isValid =
    (others >= 0 || row.fields.every(name => countText(fields[name]) >= 0)) &&
    (!row.needsField || row.fields.some(name => isPresent(fields[name])));
  if (!isValid || isForeign(fields, bot)) return undefined;
  const date = parseWireDate(fields.Date);
  if (!date && isPresent(fields.Date)) return undefined;
  const variables = freezeRaw(raw, common + others);
  if (!variables) return undefined;
  const event = new row.eventClass(fields, {
    id: id ?? (date ? undefined : newId()),
    typeName: row.typeName,
    date,
    bot: bot.name,
    receivedAt,
    variables,
    raw,
  });
  Object.freeze(event);
  return event;
}

const NO_VARIABLES: Readonly<Record<string, unknown>> = Object.freeze({});

/**
 * Freezes an entry that has `count` documented fields with a text or `null`; a
 * negative count, with fields that hold anything.
 * @returns its variables; `undefined` where it is nested too deeply
 */
function freezeRaw(
  raw: Readonly<Record<string, unknown>>,
  count: number,
): Readonly<Record<string, unknown>> | undefined {
  if (Object.keys(raw).length > count) {
    return freezeEntry(raw) ? variablesOf(raw) : undefined;
  }
  Object.freeze(raw);
  return NO_VARIABLES;
}

/** Makes a sum negative, whatever else is added. */
const NO_TEXT = -100;

/** Counts the fields that every event class has, `Type` among them; negative where one is no text. */
function countCommonTexts(entry: WireEntry): number {
  return (
    1 +
    countText(entry.Date) +
    countText(entry.BotToken) +
    countText(entry.AccountName) +
    countText(entry.ConversationId) +
    countText(entry.UserName) +
    countText(entry.Channel)
  );
}

/** Counts the fields that some classes have and the others ignore; negative where one is no text. */
function countOtherTexts(entry: WireEntry): number {
  return (
    countText(entry.ItemType) +
    countText(entry.ItemSubType) +
    countText(entry.Data) +
    countText(entry.Text) +
    countText(entry.Name) +
    countText(entry.Key)
  );
}

function countText(value: unknown): number {
  if (value === undefined) return 0;
  return typeof value === 'string' || value === null ? 1 : NO_TEXT;
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function hasType(entry: WireEntry): entry is TypedWireEntry {
  return isTypeNumber(entry.Type);
}
