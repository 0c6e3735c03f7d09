import { hash, randomUUID } from 'node:crypto';
import { jsonText } from './json-text.js';

/**
 * Documented fields of an entry, in the order in which they are hashed to the id of
 * the event. Every other field is one of the bot's variables.
 */
export const WIRE_FIELDS = [
  'Type',
  'ItemType',
  'ItemSubType',
  'Data',
  'Date',
  'BotToken',
  'AccountName',
  'ConversationId',
  'UserName',
  'Channel',
  'Text',
  'Name',
  'Key',
] as const;

export type WireField = (typeof WIRE_FIELDS)[number];

/** Documented fields of one entry as received. `null` counts as absent. */
export type WireEntry = Readonly<Partial<Record<WireField, unknown>>>;

/** Documented fields of an entry with a valid `Type`. */
export type TypedWireEntry = WireEntry & { readonly Type: number };

/**
 * Returns an object to read the documented fields of an entry from: the entry, or a
 * copy without a prototype if a documented name exists on `Object.prototype`.
 */
export function documentedFields<E extends WireEntry>(entry: E): E {
  return isPrototypeClean() ? entry : { __proto__: null, ...entry };
}

const ROOT = Object.prototype;

/** Lists the names one by one, because a loop takes longer than all other checks of an entry. */
function isPrototypeClean(): boolean {
  return !(
    'Type' in ROOT ||
    'ItemType' in ROOT ||
    'ItemSubType' in ROOT ||
    'Data' in ROOT ||
    'Date' in ROOT ||
    'BotToken' in ROOT ||
    'AccountName' in ROOT ||
    'ConversationId' in ROOT ||
    'UserName' in ROOT ||
    'Channel' in ROOT ||
    'Text' in ROOT ||
    'Name' in ROOT ||
    'Key' in ROOT
  );
}

/** Returns true if a `Type` is a number that Xenioo can use for a type, known or not. */
export function isTypeNumber(type: unknown): type is number {
  return Number.isSafeInteger(type) && (type as number) >= 0;
}

/** Returns true if an entry has the token of another bot than the one whose API Secret was sent. */
export function isForeign(
  { BotToken }: WireEntry,
  { token }: { readonly token?: string | undefined },
): boolean {
  return (
    token !== undefined && typeof BotToken === 'string' && BotToken !== token
  );
}

/**
 * Returns the id of an entry. With a `Date`, it is a hash of the documented fields,
 * so that an entry that is sent twice has one id. Without a `Date`, it is random:
 * two equal entries can be two events.
 */
export function eventId(entry: TypedWireEntry): string {
  if ((entry.Date ?? undefined) === undefined) return newId();
  return hash('sha256', hashedText(entry), 'base64url');
}

/** Serializes the documented fields in the order of `WIRE_FIELDS`. Different fields give different texts. */
export function hashedText(entry: TypedWireEntry): string {
  const text =
    `${entry.Type};` +
    serializeField(entry.ItemType) +
    serializeField(entry.ItemSubType) +
    serializeField(entry.Data) +
    serializeField(entry.Date) +
    serializeField(entry.BotToken) +
    serializeField(entry.AccountName) +
    serializeField(entry.ConversationId) +
    serializeField(entry.UserName) +
    serializeField(entry.Channel) +
    serializeField(entry.Text) +
    serializeField(entry.Name) +
    serializeField(entry.Key);
  // UTF-8 replaces every lone surrogate with the same character, so such a text is escaped.
  return text.isWellFormed() ? text : JSON.stringify(text);
}

/** Serializes a field with its length as prefix, so that two fields can't be mistaken for one. Fields that the event class ignores may hold any JSON. */
function serializeField(value: unknown): string {
  if (typeof value === 'string') return `${value.length}:${value}`;
  if (value === undefined || value === null) return '-';
  return `=${serializeField(jsonText(value))}`;
}

/**
 * Returns a random id. `toLowerCase()` makes it one flat string: Node.js concatenates
 * a UUID from about twenty parts, which V8 would keep, 490 bytes for each event.
 */
export function newId(): string {
  return randomUUID().toLowerCase();
}
