import { applyDecorators } from '@nestjs/common';
import { Expose, Transform } from 'class-transformer';
import {
  IsDate,
  IsOptional,
  IsString,
  type ValidationArguments,
} from 'class-validator';
import { kindOf } from '../options/describe-value.js';
import { parseWireDate } from './wire-date.js';
import type { WireEntry, WireField } from './wire-entry.js';

/** Declares a text of the wire; `required` where the event means nothing without it. */
export function WireText(
  field: WireField,
  { required = false } = {},
): PropertyDecorator {
  return applyDecorators(
    FromWire(field),
    ...(required ? [] : [IsOptional()]),
    IsString({ message: expected(field, 'a string') }),
  );
}

/** Declares a date of the wire, which has up to seven fraction digits; a `Date` keeps three. */
export function WireDate(field: WireField): PropertyDecorator {
  return applyDecorators(
    // Anything but a date stays as it is, for `@IsDate()` to reject.
    FromWire(field, value => parseWireDate(value) ?? value),
    IsOptional(),
    IsDate({ message: expected(field, 'a date in ISO 8601 that exists') }),
  );
}

/**
 * Lets class-transformer read a property from a field of the wire. The `name` of
 * `@Expose()` would be the name on the way back to a plain object too.
 */
export function FromWire(
  field: WireField,
  read: (value: unknown) => unknown = value => value,
): PropertyDecorator {
  return applyDecorators(
    Expose(),
    Transform(({ obj }: { obj: WireEntry }) => read(obj[field]), {
      toClassOnly: true,
    }),
  );
}

/** Returns a message that names the field and the kind of its value, never the value. */
export function expected(field: WireField, what: string) {
  return ({ value }: ValidationArguments) =>
    `${field} must be ${what}, got ${kindOf(value)}`;
}
