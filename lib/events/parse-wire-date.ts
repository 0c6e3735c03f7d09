import { documentedTime } from './documented-time.js';

const LONGEST_DATE = 64;

const ISO_8601 =
  /^(?<day>\d{4}-\d\d-\d\d)(?:[Tt ](?<minute>\d\d:\d\d)(?::(?<second>\d\d)(?:\.(?<fraction>\d+))?)?(?:[Zz]|(?<sign>[+-])(?<hours>[01]\d|2[0-3]):?(?<minutes>[0-5]\d)?)?)?$/;

/**
 * Reads a date of the wire, as `2019-07-10T15:47:58.5750058+00:00`; one without
 * an offset is UTC. Digits after the third of the fraction are cut off.
 * Anything else, and a day or time that does not exist, is `undefined`.
 */
export function parseWireDate(value: unknown): Date | undefined {
  if (typeof value !== 'string' || value.length > LONGEST_DATE)
    return undefined;
  const time = documentedTime(value);
  return time === undefined ? parseAnyDate(value) : new Date(time);
}

/** Takes every shape that ISO 8601 knows of a day and a time. */
export function parseAnyDate(value: string): Date | undefined {
  const parts = ISO_8601.exec(value)?.groups;
  if (!parts) return undefined;
  const { day, minute = '00:00', second = '00', fraction = '' } = parts;
  const ms = fraction.slice(0, 3).padEnd(3, '0');
  const utc = new Date(`${day}T${minute}:${second}.${ms}Z`);
  // JavaScript takes the 30th of February for the 2nd of March, and 24:00 for the next day.
  const exists = !isNaN(+utc) && utc.toISOString().startsWith(day!);
  return exists ? new Date(+utc - offsetMs(parts)) : undefined;
}

function offsetMs({ sign, hours = '0', minutes = '0' }: Partial<Offset>) {
  const size = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '-' ? -size : size;
}

type Offset = Record<'sign' | 'hours' | 'minutes', string>;
