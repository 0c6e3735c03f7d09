import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { kindOf } from '../options/describe-value.js';
import { DEEPEST_NESTING, freezeEntry } from './freeze-entry.js';
import {
  InvalidXeniooEntry,
  type InvalidXeniooReason,
} from './invalid-xenioo.entry.js';
import {
  newId,
  isForeign,
  isTypeNumber,
  WIRE_FIELDS,
  type WireEntry,
} from './wire-entry.js';
import { eventRow } from './xenioo-event.table.js';
import type { XeniooEvent } from './xenioo.events.js';
import type { XeniooReceipt } from './xenioo.receipt.js';

/** Position of an entry in its call, for the errors; its text is asked for only when needed. */
export interface EntryPlace {
  readonly index: number;
  /** The id that was made at receipt, where the entry was received before. */
  readonly id?: string;
  text(): string;
}

/** Records what is wrong with an entry of which `buildEvent()` makes no event. Never throws. */
export function explainEntry(
  entry: unknown,
  receipt: XeniooReceipt,
  place: EntryPlace,
): InvalidXeniooEntry {
  const isTooDeep = !freezeEntry(entry);
  const { reason, errors } = isTooDeep
    ? invalidFields(`is nested deeper than ${DEEPEST_NESTING} levels`)
    : mistakesOf(entry, receipt);
  return invalidEntry(
    reason,
    errors.map(error => located(error, place)),
    isTooDeep ? place.text() : entry,
    receipt,
    place.id,
  );
}

/** Joined, it is one piece of text; of a template, V8 keeps the pieces, three times the memory. */
function located(error: string, { index }: EntryPlace): string {
  return ['entry ', index, ': ', error].join('');
}

interface Mistakes {
  readonly reason: InvalidXeniooReason;
  readonly errors: readonly string[];
}

function mistakesOf(entry: unknown, { bot }: XeniooReceipt): Mistakes {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    const error = `must be an object, got ${kindOf(entry)}`;
    return { reason: 'not-an-event', errors: [error] };
  }
  const fields = ownFields(entry);
  const { Type: type } = fields;
  if (!isTypeNumber(type)) {
    return invalidFields(
      `Type must be a whole number from 0, got ${kindOf(type)}`,
    );
  }
  const { errors } = validateFields(eventRow(type).eventClass, fields);
  if (errors.length === 0 && isForeign(fields, bot)) {
    const error = 'BotToken is not that of the bot whose secret was sent';
    return { reason: 'foreign-bot', errors: [error] };
  }
  return invalidFields(...errors);
}

function invalidFields(...errors: readonly string[]): Mistakes {
  return { reason: 'invalid-fields', errors };
}

/**
 * Applies the decorators of an event class to the fields of an entry.
 * @returns the instance, and errors that each name a field, never a value
 */
export function validateFields<E extends XeniooEvent>(
  eventClass: new () => E,
  fields: WireEntry,
): { readonly event: E; readonly errors: readonly string[] } {
  const event = plainToInstance(eventClass, fields, {
    excludeExtraneousValues: true,
    exposeUnsetFields: false,
  });
  const errors = validateSync(event).flatMap(({ constraints = {} }) =>
    Object.values(constraints),
  );
  return { event, errors };
}

/** Returns the documented fields that an entry has of its own, without those that are `null`. */
export function ownFields(entry: WireEntry): WireEntry {
  const fields = Object.create(null) as Record<string, unknown>;
  for (const name of WIRE_FIELDS) {
    if (!Object.hasOwn(entry, name) || entry[name] === null) continue;
    fields[name] = flat(entry[name]);
  }
  return fields;
}

/**
 * No documented field holds an object, and class-transformer, which walks into
 * one, throws at keys such as `constructor`. An empty one is wrong all the same.
 */
function flat(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.slice(0, 1).fill(undefined) : {};
}

/** Records an entry, or a whole body, that is not valid. */
export function invalidEntry(
  reason: InvalidXeniooReason,
  errors: string[],
  raw: unknown,
  { bot, receivedAt }: XeniooReceipt,
  id: string = newId(),
): InvalidXeniooEntry {
  return new InvalidXeniooEntry(id, reason, errors, raw, bot.name, receivedAt);
}
