import { randomUUID } from 'node:crypto';
import { kindOf } from '../describe-value.js';
import type { XeniooBotSettings } from '../xenioo.options.js';
import { eventId } from './event-id.js';
import { DEEPEST_NESTING, freezeEntry } from './freeze-entry.js';
import {
  InvalidXeniooEntry,
  type InvalidXeniooReason,
} from './invalid-xenioo.entry.js';
import { readEvent } from './read-event.js';
import { WIRE_FIELDS, type WireEntry } from './wire-fields.js';
import { eventRow } from './xenioo-event.table.js';
import type { XeniooEvent } from './xenioo.event.js';

/** What one entry becomes. */
export type XeniooEntry = XeniooEvent | InvalidXeniooEntry;

/** Who sent an entry, and when. */
export interface XeniooReceipt {
  readonly bot: XeniooBotSettings;
  readonly receivedAt: Date;
}

/** Where an entry stands in its call, for the errors; its text is asked for only when needed. */
export interface EntryPlace {
  readonly index: number;
  /** The id that it got when it was received, if that was before. */
  readonly id?: string;
  text(): string;
}

const KNOWN_FIELDS = new Set<string>(WIRE_FIELDS);

/** Turns one entry of a call into an event, or into the record of what is wrong with it. Never throws. */
export function parseEntry(
  entry: unknown,
  receipt: XeniooReceipt,
  place: EntryPlace,
): XeniooEntry {
  const invalid = (
    reason: InvalidXeniooReason,
    errors: readonly string[],
    raw = entry,
  ) =>
    invalidEntry(
      reason,
      errors.map(error => `entry ${place.index}: ${error}`),
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
  const { fields, variables } = splitFields(raw);
  const { Type: type } = fields;
  if (!isTypeNumber(type)) {
    const error = `Type must be a whole number from 0, got ${kindOf(type)}`;
    return invalid('invalid-fields', [error]);
  }
  const row = eventRow(type);
  const { event, errors } = readEvent(row.eventClass, fields);
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
      variables: Object.freeze(variables),
      raw,
    }),
  );
}

/** Records what could not be understood. */
export function invalidEntry(
  reason: InvalidXeniooReason,
  errors: string[],
  raw: unknown,
  { bot, receivedAt }: XeniooReceipt,
  id: string = randomUUID(),
): InvalidXeniooEntry {
  return new InvalidXeniooEntry(id, reason, errors, raw, bot.name, receivedAt);
}

function splitFields(raw: Record<string, unknown>) {
  const fields: WireEntry = {};
  const variables: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (!KNOWN_FIELDS.has(name)) define(variables, name, value);
    else if (value !== null) fields[name as keyof WireEntry] = flat(value);
  }
  return { fields, variables };
}

/**
 * No documented field holds an object, and class-transformer, which walks into
 * one, stumbles over keys as `constructor`. An empty one is wrong all the same.
 */
function flat(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.slice(0, 1).fill(undefined) : {};
}

/** An assignment to `__proto__` would replace the prototype instead. */
function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true });
}

function isTypeNumber(type: unknown): type is number {
  return Number.isSafeInteger(type) && (type as number) >= 0;
}

function isForeign(event: XeniooEvent, bot: XeniooBotSettings): boolean {
  return (
    bot.token !== undefined &&
    event.botToken !== undefined &&
    event.botToken !== bot.token
  );
}
