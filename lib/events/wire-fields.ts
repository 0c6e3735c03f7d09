import { applyDecorators } from '@nestjs/common';
import { Expose, Transform } from 'class-transformer';
import {
  IsDate,
  IsOptional,
  IsString,
  type ValidationArguments,
} from 'class-validator';
import { kindOf } from '../options/describe-value.js';
import { parseWireDate } from './parse-wire-date.js';

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
export type WireEntry = Partial<Record<WireField, unknown>>;

/** A text of the wire; `required` where the event means nothing without it. */
export function WireText(
  field: WireField,
  { required = false } = {},
): PropertyDecorator {
  return applyDecorators(
    Expose({ name: field }),
    ...(required ? [] : [IsOptional()]),
    IsString({ message: expected(field, 'a string') }),
  );
}

/** A date of the wire, which has up to seven fraction digits; a `Date` keeps three. */
export function WireDate(field: WireField): PropertyDecorator {
  return applyDecorators(
    Expose({ name: field }),
    Transform(toWireDate),
    IsOptional(),
    IsDate({ message: expected(field, 'a date in ISO 8601 that exists') }),
  );
}

/** What is no date stays as it is, for the rules to refuse. */
export function toWireDate({ value }: { value: unknown }): unknown {
  return parseWireDate(value) ?? value;
}

/** The message names the field and what kind of value came, never the value. */
export function expected(field: WireField, what: string) {
  return ({ value }: ValidationArguments) =>
    `${field} must be ${what}, got ${kindOf(value)}`;
}
