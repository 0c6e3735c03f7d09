import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { kindOf } from '../options/describe-value.js';
import { MAX_NESTING, freezeEntry } from './freeze-entry.js';
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

/** Position of an entry in its call, for error messages. */
export interface EntryPosition {
  readonly index: number;
  /** Id that was assigned when the entry was first received; absent for a new entry. */
  readonly id?: string;
  /** Returns the JSON of the entry. Called only for an entry that is nested too deeply. */
  text(): string;
}

/** Creates the `InvalidXeniooEntry` of an entry that `buildEvent()` rejected. Never throws. */
export function explainEntry(
  entry: unknown,
  receipt: XeniooReceipt,
  position: EntryPosition,
): InvalidXeniooEntry {
  const isTooDeep = !freezeEntry(entry);
  const { reason, errors } = isTooDeep
    ? invalidFields(`must not be nested deeper than ${MAX_NESTING} levels`)
    : diagnose(entry, receipt);
  return invalidEntry(
    reason,
    errors.map(error => withIndex(error, position)),
    isTooDeep ? position.text() : entry,
    receipt,
    position.id,
  );
}

/** Uses `join()` because V8 keeps the parts of a template string, which takes three times the memory. */
function withIndex(error: string, { index }: EntryPosition): string {
  return ['entry ', index, ': ', error].join('');
}

interface Diagnosis {
  readonly reason: InvalidXeniooReason;
  readonly errors: readonly string[];
}

function diagnose(entry: unknown, { bot }: XeniooReceipt): Diagnosis {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    const error = `must be an object, got ${kindOf(entry)}`;
    return { reason: 'not-an-event', errors: [error] };
  }
  const fields = ownFields(entry);
  const { Type: type } = fields;
  if (!isTypeNumber(type)) {
    const given = typeof type === 'number' ? 'another number' : kindOf(type);
    return invalidFields(
      `Type must be a non-negative safe integer, got ${given}`,
    );
  }
  const { errors } = validateFields(eventRow(type).eventClass, fields);
  if (errors.length === 0 && isForeign(fields, bot)) {
    const error = 'BotToken belongs to another bot than the API Secret';
    return { reason: 'foreign-bot', errors: [error] };
  }
  return invalidFields(...errors);
}

function invalidFields(...errors: readonly string[]): Diagnosis {
  return { reason: 'invalid-fields', errors };
}

/**
 * Validates the fields of an entry with the decorators of an event class.
 * @returns the instance, and errors that name fields but never contain values
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

/** Returns the documented own fields of an entry, without those that are `null`. */
export function ownFields(entry: WireEntry): WireEntry {
  const fields = Object.create(null) as Record<string, unknown>;
  for (const name of WIRE_FIELDS) {
    if (!Object.hasOwn(entry, name) || entry[name] === null) continue;
    fields[name] = withoutContents(entry[name]);
  }
  return fields;
}

/**
 * Empties objects and arrays: class-transformer descends into them and throws at
 * keys such as `constructor`. They are invalid in every documented field, with or
 * without contents. Error messages distinguish empty arrays from others,
 * so one element remains.
 */
function withoutContents(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.slice(0, 1).fill(undefined) : {};
}

/** Creates the `InvalidXeniooEntry` of an entry or of a whole body. */
export function invalidEntry(
  reason: InvalidXeniooReason,
  errors: string[],
  raw: unknown,
  { bot, receivedAt }: XeniooReceipt,
  id: string = newId(),
): InvalidXeniooEntry {
  return new InvalidXeniooEntry(id, reason, errors, raw, bot.name, receivedAt);
}
