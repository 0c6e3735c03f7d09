import { hash, randomUUID } from 'node:crypto';
import { WIRE_FIELDS, type WireEntry } from './wire-fields.js';

/**
 * The id of an entry: a hash of its documented fields where it has a `Date`, so
 * that the same entry sent twice has one id. Two entries without a `Date` can be
 * equal byte for byte and still be two events: their ids are made here.
 */
export function eventId(entry: WireEntry): string {
  if (entry.Date === undefined) return randomUUID();
  const fields = WIRE_FIELDS.map(field => entry[field] ?? null);
  return hash('sha256', JSON.stringify(fields), 'base64url');
}
