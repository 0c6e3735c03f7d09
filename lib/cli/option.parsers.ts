import { InvalidArgumentError } from 'commander';
import { XeniooEventType } from '../events/xenioo-event-type.js';
import { LONGEST_TIMER_MS } from '../options/range-problems.js';
import { UsageError } from './usage.error.js';

const DECIMAL = /^(\d+(?:\.\d+)?|\.\d+)$/;

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Parses a duration such as `500ms`, `30s`, `1.5m` or `2h` into milliseconds; a bare number is milliseconds. */
export function parseDuration(text: string): number {
  const [, amount = '', unit = 'ms'] = /^(.*?)(ms|s|m|h)?$/s.exec(text) ?? [];
  const durationMs = parseNumber(amount, {
    factor: UNITS_MS[unit]!,
    min: 1,
    max: LONGEST_TIMER_MS,
    expected: 'Expected a duration such as 500ms, 30s or 2m, 24 days at most.',
  });
  return Math.round(durationMs);
}

/** Parses a share such as `2%` or `0.02` into a number from 0 to 1. */
export function parseShare(text: string): number {
  const isPercent = text.endsWith('%');
  return parseNumber(isPercent ? text.slice(0, -1) : text, {
    factor: isPercent ? 0.01 : 1,
    min: 0,
    max: 1,
    expected: 'Expected a share such as 2% or 0.02, 100% at most.',
  });
}

/** Returns a parser of whole numbers from `min` to `max`. */
export function parseCount(min: number, max: number): (text: string) => number {
  const expected = `Expected a whole number from ${min} to ${max}.`;
  return text =>
    parseNumber(/^\d+$/.test(text) ? text : '', { min, max, expected });
}

/** Parses calls per second; `max` becomes `Infinity`. */
export function parseRate(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  return parseNumber(text, {
    min: 0.001,
    max: 100_000,
    expected: 'Expected calls per second, such as 100 or 0.5, or max.',
  });
}

/** Parses a factor such as `10` or `0.5`. */
export function parseSpeed(text: string): number {
  return parseNumber(text, {
    min: 0.001,
    max: 1_000_000,
    expected: 'Expected a factor such as 1, 10 or 0.5.',
  });
}

function parseNumber(
  text: string,
  range: {
    readonly min: number;
    readonly max: number;
    readonly factor?: number;
    readonly expected: string;
  },
): number {
  const number = DECIMAL.test(text) ? Number(text) * (range.factor ?? 1) : NaN;
  if (number >= range.min && number <= range.max) return number;
  throw new InvalidArgumentError(range.expected);
}

/** Names of the event types as in `XeniooEventType`: `UserMessage`. */
export const EVENT_TYPES = Object.values(XeniooEventType).filter(
  (name): name is keyof typeof XeniooEventType => typeof name === 'string',
);

/** Names of the event types as they are typed, in the order of their numbers: `user-message`. */
export const TYPE_NAMES: readonly string[] = EVENT_TYPES.map(name =>
  name.replaceAll(/(?<=.)[A-Z]/g, '-$&').toLowerCase(),
);

/** Parses the number of a known or unknown event type, or its name: `user-message`, `UserMessage`. */
export function parseEventType(text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) {
    return Number(text);
  }
  const type = EVENT_TYPES.find(
    name => withoutCase(name) === withoutCase(text),
  );
  if (type !== undefined) return XeniooEventType[type];
  throw new InvalidArgumentError(
    `Expected a number, or one of ${TYPE_NAMES.join(', ')}.`,
  );
}

function withoutCase(name: string): string {
  return name.replaceAll(/[-_]/g, '').toLowerCase();
}

/** A field of an entry and its value. */
export type Field = readonly [name: string, value: unknown];

// UsageError, since Commander's InvalidArgumentError prints the value, which may be personal data.

/**
 * Parses a `--field` and appends it to the previous ones. The value of `city=Rome` is
 * a string; those of `age:=42`, `Data:=null` and `tags:=["a"]` are JSON.
 * @throws {UsageError} if the text is neither `Name=text` nor `Name:=JSON`
 */
export function parseField(text: string, previous: readonly Field[]): Field[] {
  const [, name, colon, value] = /^([^=]+?)(:?)=([^]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new UsageError(
      '--field: expected Name=text, or Name:=JSON such as age:=42 or Data:=null.',
    );
  }
  return [...previous, [name, colon ? parseJson(value, '--field') : value]];
}

/**
 * Parses the JSON of `--entry`.
 * @throws {UsageError} if the text is not JSON
 */
export function parseEntry(text: string): unknown {
  return parseJson(text, '--entry');
}

function parseJson(text: string, option: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new UsageError(
      `${option}: expected JSON, with strings and names in double quotes. Put single quotes around it: --entry '{"Type":1}'.`,
    );
  }
}
