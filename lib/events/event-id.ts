import { hash, randomUUID } from 'node:crypto';
import type { WireEntry } from './wire-fields.js';

/**
 * The id of an entry: a hash of its documented fields where it has a `Date`, so
 * that the same entry sent twice has one id. Two entries without a `Date` can be
 * equal byte for byte and still be two events: their ids are made here.
 */
export function eventId(entry: WireEntry): string {
  if ((entry.Date ?? undefined) === undefined) return newId();
  return hash('sha256', hashedText(entry), 'base64url');
}

/** `WIRE_FIELDS` in their order, written out: an array that is mapped takes three times as long. */
function hashedText(entry: WireEntry): string {
  return JSON.stringify([
    entry.Type,
    entry.ItemType,
    entry.ItemSubType,
    entry.Data,
    entry.Date,
    entry.BotToken,
    entry.AccountName,
    entry.ConversationId,
    entry.UserName,
    entry.Channel,
    entry.Text,
    entry.Name,
    entry.Key,
  ]);
}

/**
 * An id that nothing else has. Node.js adds a UUID up of some twenty pieces, and
 * V8 keeps the pieces, 490 bytes in all, until somebody needs it in one: a call
 * can bring millions of entries without an id of their own.
 */
export function newId(): string {
  return randomUUID().toLowerCase();
}
