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

/** Declares a string field of an entry, optional unless `required` is true. */
export function WireText(
  field: WireField,
  { required = false } = {},
): PropertyDecorator {
  return applyDecorators(
    FromWire(field),
    ...(required ? [] : [IsOptional()]),
    IsString({
      message: expected(field, 'a string'),
      context: { field },
    }),
  );
}

/** Declares a date field of an entry. Xenioo sends up to seven fraction digits; a `Date` keeps three. */
export function WireDate(field: WireField): PropertyDecorator {
  return applyDecorators(
    // An invalid date stays as it is, so that `@IsDate()` rejects it.
    FromWire(field, value => parseWireDate(value) ?? value),
    IsOptional(),
    IsDate({
      message: expected(field, 'a valid ISO 8601 date'),
      context: { field },
    }),
  );
}

/**
 * Reads a property from a field of an entry. `@Expose({ name })` can't be used: it
 * would also rename the property when the event is converted to a plain object.
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
