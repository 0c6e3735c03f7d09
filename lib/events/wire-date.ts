/** Upper bound of the length of a date. */
export const MAX_DATE_LENGTH = 64;

/** Length of `2019-07-10T15:47:58`, which a fraction and an offset follow. */
const TIME_LENGTH = 19;

const [PLUS, HYPHEN, POINT, COLON, T, Z] = [0x2b, 0x2d, 0x2e, 0x3a, 0x54, 0x5a];

/**
 * Parses the date of an entry, such as `2019-07-10T15:47:58.5750058+00:00`, or any
 * other ISO 8601 date with a day, with or without a time. A date without an offset
 * is UTC. Fraction digits after the third are cut off.
 * @returns `undefined` for any other value, and for a day or time that does not exist
 */
export function parseWireDate(value: unknown): Date | undefined {
  if (typeof value !== 'string' || value.length > MAX_DATE_LENGTH) {
    return undefined;
  }
  const time = parseDocumented(value) ?? parseDocumented(toDocumented(value));
  return time === undefined ? undefined : new Date(time);
}

/** Returns the fourth to seventh fraction digit of an entry's date as a number of ticks of 100 ns. A `Date` does not store them. */
export function ticksWithinMs(date: string): number {
  const point = date.indexOf('.');
  if (point === -1) return 0;
  let ticks = 0;
  let weight = 1_000;
  for (let at = point + 4; weight >= 1; at++, weight /= 10) {
    const digit = digitAt(date, at);
    if (digit === NO_DIGIT) break;
    ticks += digit * weight;
  }
  return ticks;
}

/**
 * Parses the date format that Xenioo documents, with an offset of `Z` or `±hh:mm`,
 * to milliseconds since 1970. It compares character codes: a regular expression
 * and `Date.parse()` take ten times as long.
 */
function parseDocumented(text: string): number | undefined {
  const hasFormat =
    text.charCodeAt(4) === HYPHEN &&
    text.charCodeAt(7) === HYPHEN &&
    text.charCodeAt(10) === T &&
    text.charCodeAt(13) === COLON &&
    text.charCodeAt(16) === COLON;
  if (!hasFormat) return undefined;
  const year = pairAt(text, 0) * 100 + pairAt(text, 2);
  const month = pairAt(text, 5);
  const day = pairAt(text, 8);
  const hour = pairAt(text, 11);
  const minute = pairAt(text, 14);
  const second = pairAt(text, 17);
  const exists =
    year <= 9_999 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysIn(year, month) &&
    hour <= 23 &&
    minute <= 59 &&
    second <= 59;
  if (!exists) return undefined;

  let end = TIME_LENGTH;
  let ms = 0;
  if (text.charCodeAt(end) === POINT) {
    let weight = 100;
    for (let digit; (digit = digitAt(text, ++end)) !== NO_DIGIT;) {
      ms += digit * weight;
      weight = (weight / 10) | 0;
    }
    if (end === TIME_LENGTH + 1) return undefined;
  }
  const offset = offsetAt(text, end);
  if (offset === undefined) return undefined;
  return utc(year, month, day, hour, minute - offset, second, ms);
}

/** Returns the minutes of the offset at the end of the text. */
function offsetAt(text: string, at: number): number | undefined {
  const sign = text.charCodeAt(at);
  if (sign === Z && text.length === at + 1) return 0;
  const hasFormat =
    (sign === PLUS || sign === HYPHEN) &&
    text.charCodeAt(at + 3) === COLON &&
    text.length === at + 6;
  const hours = pairAt(text, at + 1);
  const minutes = pairAt(text, at + 4);
  if (!hasFormat || hours > 23 || minutes > 59) return undefined;
  return (sign === PLUS ? 1 : -1) * (hours * 60 + minutes);
}

function daysIn(year: number, month: number): number {
  if (month !== 2)
    return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

const MS_IN_400_YEARS = 146_097 * 86_400_000;

/** Calls `Date.UTC()` with a year 400 years later, since it treats the years 0 to 99 as 1900 to 1999. */
function utc(
  year: number,
  month: number,
  ...rest: [
    day: number,
    hour: number,
    minute: number,
    second: number,
    ms: number,
  ]
): number {
  return Date.UTC(year + 400, month - 1, ...rest) - MS_IN_400_YEARS;
}

function pairAt(text: string, at: number): number {
  return digitAt(text, at) * 10 + digitAt(text, at + 1);
}

/** Greater than any number in a date, so that range checks reject it. */
const NO_DIGIT = 100_000;

/** Returns `NO_DIGIT` past the end of the text too, where `charCodeAt()` returns `NaN`. */
function digitAt(text: string, at: number): number {
  const value = text.charCodeAt(at) ^ 0x30;
  return value <= 9 ? value : NO_DIGIT;
}

const ISO_8601 =
  /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:[Zz]|([+-]\d\d)(?::?(\d\d))?)?)?$/;

/** Rewrites an ISO 8601 date in the format that Xenioo documents; returns `''` for any other text. */
function toDocumented(text: string): string {
  const parts = ISO_8601.exec(text);
  if (!parts) return '';
  const [
    ,
    day,
    minute = '00:00',
    second = '00',
    fraction = '0',
    hours = '+00',
    minutes = '00',
  ] = parts;
  return `${day}T${minute}:${second}.${fraction}${hours}:${minutes}`;
}
