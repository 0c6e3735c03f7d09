import { kindOf } from '../options/describe-value.js';
import { isForeign, isTypeNumber } from './entry-rules.js';
import { eventId, newId } from './event-id.js';
import { explainEvent } from './explain-event.js';
import { DEEPEST_NESTING, freezeEntry } from './freeze-entry.js';
import {
  InvalidXeniooEntry,
  type InvalidXeniooReason,
} from './invalid-xenioo.entry.js';
import { variablesOf } from './variables-of.js';
import { WIRE_FIELDS, type WireEntry } from './wire-fields.js';
import { eventRow } from './xenioo-event.table.js';
import type { XeniooEvent } from './xenioo.event.js';
import type { XeniooReceipt } from './xenioo.receipt.js';

/** Where an entry stands in its call, for the errors; its text is asked for only when needed. */
export interface EntryPlace {
  readonly index: number;
  /** The id that it got when it was received, if that was before. */
  readonly id?: string;
  text(): string;
}

/**
 * Turns any entry into an event, or into the record of what is wrong with it, by
 * class-transformer and class-validator themselves. Never throws.
 */
export function explainEntry(
  entry: unknown,
  receipt: XeniooReceipt,
  place: EntryPlace,
): XeniooEvent | InvalidXeniooEntry {
  const invalid = (
    reason: InvalidXeniooReason,
    errors: readonly string[],
    raw = entry,
  ) =>
    invalidEntry(
      reason,
      errors.map(error => located(error, place)),
      raw,
      receipt,
      place.id,
    );

  if (!freezeEntry(entry)) {
    const error = `is nested deeper than ${DEEPEST_NESTING} levels`;
    return invalid('invalid-fields', [error], place.text());
  }
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return invalid('not-an-event', [`must be an object, got ${kindOf(entry)}`]);
  }
  const raw = entry as Record<string, unknown>;
  const fields = fieldsOf(raw);
  const { Type: type } = fields;
  if (!isTypeNumber(type)) {
    const error = `Type must be a whole number from 0, got ${kindOf(type)}`;
    return invalid('invalid-fields', [error]);
  }
  const row = eventRow(type);
  const { event, errors } = explainEvent(row.eventClass, fields);
  if (errors.length > 0) return invalid('invalid-fields', errors);
  if (isForeign(event, receipt.bot)) {
    return invalid('foreign-bot', [
      'BotToken is not that of the bot whose secret was sent',
    ]);
  }
  return Object.freeze(
    Object.assign(event, {
      id: place.id ?? eventId(fields),
      type,
      typeName: row.typeName,
      bot: receipt.bot.name,
      receivedAt: receipt.receivedAt,
      variables: variablesOf(raw),
      raw,
    }),
  );
}

/** Joined, it is one piece of text; of a template, V8 keeps the pieces, three times the memory. */
function located(error: string, { index }: EntryPlace): string {
  return ['entry ', index, ': ', error].join('');
}

/** Records what could not be understood. */
export function invalidEntry(
  reason: InvalidXeniooReason,
  errors: string[],
  raw: unknown,
  { bot, receivedAt }: XeniooReceipt,
  id: string = newId(),
): InvalidXeniooEntry {
  return new InvalidXeniooEntry(id, reason, errors, raw, bot.name, receivedAt);
}

/** The documented fields that it has of its own; no others are found in it, whatever somebody has added to `Object.prototype`. */
function fieldsOf(raw: Readonly<Record<string, unknown>>): WireEntry {
  const fields = Object.create(null) as WireEntry;
  for (const name of WIRE_FIELDS) {
    if (!Object.hasOwn(raw, name) || raw[name] === null) continue;
    fields[name] = flat(raw[name]);
  }
  return fields;
}

/**
 * No documented field holds an object, and class-transformer, which walks into
 * one, stumbles over keys as `constructor`. An empty one is wrong all the same.
 */
function flat(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.slice(0, 1).fill(undefined) : {};
}
