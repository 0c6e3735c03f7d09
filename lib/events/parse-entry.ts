import {
  newId,
  documentedFields,
  isForeign,
  isTypeNumber,
  type TypedWireEntry,
  type WireEntry,
} from './wire-entry.js';
import { explainEntry, type EntryPosition } from './explain-entry.js';
import { freezeEntry, variablesOf } from './freeze-entry.js';
import type { InvalidXeniooEntry } from './invalid-xenioo.entry.js';
import { parseWireDate } from './wire-date.js';
import { eventRow } from './xenioo-event.table.js';
import type { XeniooEvent } from './xenioo.events.js';
import type { XeniooReceipt } from './xenioo.receipt.js';

/** A parsed entry of a call: an event, or an `InvalidXeniooEntry` if it is not valid. */
export type XeniooEntry = XeniooEvent | InvalidXeniooEntry;

/** Parses one entry of a call into an event or an `InvalidXeniooEntry`. Never throws. */
export function parseEntry(
  entry: unknown,
  receipt: XeniooReceipt,
  position: EntryPosition,
): XeniooEntry {
  return (
    buildEvent(entry, receipt, position.id) ??
    explainEntry(entry, receipt, position)
  );
}

/**
 * Builds the event of a valid entry, and freezes both. It accepts exactly what
 * class-validator accepts with the decorators of the event classes, in a tenth of
 * the time. class-validator runs only on entries rejected here, in `explainEntry()`.
 *
 * @param id the id that the entry got when it was first received
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
 * Freezes an entry.
 * @param count number of its documented fields that hold a string or `null`; negative if one holds another value
 * @returns its variables; `undefined` if it is nested too deeply
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

/** Makes the sum of the counts negative. */
const NO_TEXT = -100;

/** Counts the fields of an entry that every event class has, `Type` included; negative if one is neither a string nor `null`. */
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

/** Counts the fields of an entry that only some event classes have; negative if one is neither a string nor `null`. */
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
