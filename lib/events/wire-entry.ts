import { hash, randomUUID } from 'node:crypto';
import { jsonText } from './json-text.js';

/**
 * Every documented field of an entry, in the order in which they are hashed to
 * the event's id. Anything else on an entry is one of the bot's variables.
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

/** The documented fields of one entry as they came; `null` counts as absent. */
export type WireEntry = Readonly<Partial<Record<WireField, unknown>>>;

/** The documented fields of an entry with a valid `Type`. */
export type TypedWireEntry = WireEntry & { readonly Type: number };

/**
 * Returns an object from which the documented fields of an entry can be read: the
 * entry itself, unless a field was added to `Object.prototype`, which every entry
 * would then seem to have.
 */
export function documentedFields<E extends WireEntry>(entry: E): E {
  return isPrototypeClean() ? entry : { __proto__: null, ...entry };
}

const ROOT = Object.prototype;

/** A loop over the names takes longer than all other checks of an entry. */
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

/** Answers whether the `Type` of an entry is one that Xenioo may have, now or later. */
export function isTypeNumber(type: unknown): type is number {
  return Number.isSafeInteger(type) && (type as number) >= 0;
}

/** Answers whether an entry has the token of another bot than the one whose secret was sent. */
export function isForeign(
  { BotToken }: WireEntry,
  { token }: { readonly token?: string | undefined },
): boolean {
  return (
    token !== undefined && typeof BotToken === 'string' && BotToken !== token
  );
}

/**
 * Returns the id of an entry: a hash of its documented fields where it has a
 * `Date`, so that the same entry sent twice has one id. Two entries without a
 * `Date` can be equal byte for byte and still be two events: each has a new id.
 */
export function eventId(entry: TypedWireEntry): string {
  if ((entry.Date ?? undefined) === undefined) return newId();
  return hash('sha256', hashedText(entry), 'base64url');
}

/**
 * Returns the documented fields in the order of `WIRE_FIELDS` as one text, which
 * no other fields have.
 */
export function hashedText(entry: TypedWireEntry): string {
  const text =
    `${entry.Type};` +
    part(entry.ItemType) +
    part(entry.ItemSubType) +
    part(entry.Data) +
    part(entry.Date) +
    part(entry.BotToken) +
    part(entry.AccountName) +
    part(entry.ConversationId) +
    part(entry.UserName) +
    part(entry.Channel) +
    part(entry.Text) +
    part(entry.Name) +
    part(entry.Key);
  // UTF-8 has one code for all lone surrogates; the escaped text begins as no other does.
  return text.isWellFormed() ? text : JSON.stringify(text);
}

/** The length tells where a value ends. A field that its event class ignores may hold any JSON. */
function part(value: unknown): string {
  if (typeof value === 'string') return `${value.length}:${value}`;
  if (value === undefined || value === null) return '-';
  return `=${part(jsonText(value))}`;
}

/**
 * Returns a new id. Node.js adds a UUID up of some twenty pieces, and V8 keeps the
 * pieces, 490 bytes in all, until somebody needs them in one: an inbox can hold
 * 100,000 events.
 */
export function newId(): string {
  return randomUUID().toLowerCase();
}
