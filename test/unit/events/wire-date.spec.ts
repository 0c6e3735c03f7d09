import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWireDate, ticksWithinMs } from '../../../lib/events/wire-date.js';

describe('parseWireDate()', () => {
  it.each([
    ['2019-07-10T15:47:58.5750058+00:00', '2019-07-10T15:47:58.575Z'],
    ['2019-07-10T15:47:58.580873+00:00', '2019-07-10T15:47:58.580Z'],
    ['2019-07-10T15:47:58.9999999Z', '2019-07-10T15:47:58.999Z'],
    ['1969-12-31T23:59:59.9999999Z', '1969-12-31T23:59:59.999Z'],
    ['2019-07-10T15:47:58+02:00', '2019-07-10T13:47:58.000Z'],
    ['2019-07-10T15:47:58-05:30', '2019-07-10T21:17:58.000Z'],
    ['2019-07-10T15:47:58+0200', '2019-07-10T13:47:58.000Z'],
    ['2019-07-10T00:30:00+23:59', '2019-07-09T00:31:00.000Z'],
    ['2019-07-10t15:47:58z', '2019-07-10T15:47:58.000Z'],
    ['2019-07-10 15:47:58Z', '2019-07-10T15:47:58.000Z'],
    ['2020-02-29T00:00:00Z', '2020-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.9999999Z', '9999-12-31T23:59:59.999Z'],
    ['9999-12-31T23:59:59-23:59', '+010000-01-01T23:58:59.000Z'],
  ])('parses %s as %s', (text, iso) => {
    expect(parseWireDate(text)).toEqual(new Date(iso));
  });

  it.each(['2019-07-10T15:47:58', '2019-07-10T15:47', '2019-07-10'])(
    'reads a date without an offset as UTC: %s',
    text => {
      const whole = `${text}T00:00:00`.slice(0, 16);

      expect(parseWireDate(text)?.toISOString().slice(0, 16)).toBe(whole);
    },
  );

  it('accepts at most 64 characters', () => {
    const ofLength = (length: number) =>
      `2019-07-10T15:47:58.${'5'.repeat(length - 21)}Z`;

    expect(parseWireDate(ofLength(64))).toEqual(
      new Date('2019-07-10T15:47:58.555Z'),
    );
    expect(parseWireDate(ofLength(65))).toBeUndefined();
  });
});

describe('parseWireDate() of an invalid date', () => {
  it.each([
    '',
    ' ',
    'yesterday',
    '2009-W01-1',
    '2019-191',
    '20190710T154758Z',
    '2019-07',
    '2019',
    '+012019-07-10T15:47:58Z',
    '2019-13-01T00:00:00Z',
    '2019-00-10T00:00:00Z',
    '2019-07-00T00:00:00Z',
    '2019-02-29T00:00:00Z',
    '2019-02-30T00:00:00Z',
    '2019-04-31',
    '2019-07-10T24:00:00Z',
    '2019-07-10T25:00:00Z',
    '2019-07-10T15:60:00Z',
    '2019-07-10T15:47:61Z',
    '2019-07-10T15:47:58.Z',
    '2019-07-10T15Z',
    '2019-07-10T15:47:58+24:00',
    '2019-07-10T15:47:58+02:60',
    '2019-07-10T15:47:58 +02:00',
    '2019-07-10Z',
    ' 2019-07-10',
    '2019-07-10\n',
    '2019-07-10T15:47:58Z; DROP',
    '٢٠١٩-07-10',
    '/Date(1562773678575)/',
    'Wed, 10 Jul 2019 15:47:58 GMT',
  ])('rejects %o', text => {
    expect(parseWireDate(text)).toBeUndefined();
  });

  it.each([
    undefined,
    null,
    1_562_773_678_575,
    true,
    {},
    ['2019-07-10'],
    new Date(),
  ])('rejects %o, which is not a string', value => {
    expect(parseWireDate(value)).toBeUndefined();
  });
});

it('parseWireDate() parses any date at any offset with up to seven digits', () => {
  const date = fc.date({
    min: new Date('0001-01-02T00:00:00Z'),
    max: new Date('9999-12-30T00:00:00Z'),
    noInvalidDate: true,
  });
  const digits = fc.string({
    unit: fc.nat(9).map(String),
    maxLength: 7,
  });
  const offset = fc.option(fc.integer({ min: -1_439, max: 1_439 }));

  fc.assert(
    fc.property(date, digits, offset, (utc, fraction, minutes) => {
      const local = new Date(+utc + (minutes ?? 0) * 60_000);
      const text = [
        local.toISOString().slice(0, 19),
        fraction && `.${fraction}`,
        minutes === null ? 'Z' : offsetText(minutes),
      ].join('');
      const expected = new Date(utc);
      expected.setUTCMilliseconds(Number(fraction.padEnd(3, '0').slice(0, 3)));

      expect(parseWireDate(text)).toEqual(expected);
    }),
    { numRuns: 1_000 },
  );
});

it('parseWireDate() returns a valid date or undefined for any text', () => {
  const likeADate = fc.stringMatching(
    /^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d{0,9})?)?)?([Zz]|[+-]\d\d:?\d\d)?$/,
  );

  fc.assert(
    fc.property(fc.oneof(fc.string(), likeADate), text => {
      const date = parseWireDate(text);

      expect(date === undefined || !isNaN(+date)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

describe('parseWireDate() of a date in the documented format', () => {
  const paddedNumber = (most: number, digits: number) =>
    fc
      .oneof(
        fc.integer({ min: 0, max: most }),
        fc.constantFrom(0, 1, most - 1, most),
      )
      .map(value => String(value).padStart(digits, '0'));
  const year = fc.oneof(
    paddedNumber(9_999, 4),
    fc.constantFrom('0000', '0001', '0004', '0100', '0400', '1900', '2000'),
    fc.constantFrom('1969', '1970', '2023', '2024', '2100', '9999', '202'),
  );
  const time = fc
    .tuple(paddedNumber(25, 2), paddedNumber(61, 2), paddedNumber(61, 2))
    .map(parts => parts.join(':'));
  const fraction = fc.oneof(
    fc.constantFrom('', '.', '.5750058', '.0', '.1234567890123', '.12x'),
    fc.nat(9_999_999).map(ticks => `.${String(ticks).padStart(7, '0')}`),
  );
  const offset = fc.oneof(
    fc.constantFrom('+00:00', '-00:00', 'Z', 'z', '', '+0000', '+00', '+00:0'),
    fc
      .tuple(
        fc.constantFrom('+', '-', ' ', ''),
        paddedNumber(25, 2),
        paddedNumber(61, 2),
      )
      .map(([sign, hours, minutes]) => `${sign}${hours}:${minutes}`),
  );
  const documented = fc
    .tuple(
      year,
      paddedNumber(13, 2),
      paddedNumber(32, 2),
      time,
      fraction,
      offset,
    )
    .map(
      ([year, month, day, time, fraction, offset]) =>
        `${year}-${month}-${day}T${time}${fraction}${offset}`,
    );
  const unusualCharacter = fc.oneof(
    fc.constantFrom('0', '9', '٢', '२', '\uFF11', ':', '-', '/', 'T', 't', ' '),
    fc.constantFrom('\0', '\n', '.', '', '\u0130', '\uD835', '00'),
  );
  const almostDocumented = fc
    .tuple(documented, fc.nat(40), unusualCharacter)
    .map(([text, at, other]) => text.slice(0, at) + other + text.slice(at + 1));

  it.each(['2024-02-30', '2023-02-29', '2024-04-31', '1900-02-29'])(
    'rejects a day that does not exist: %s',
    day => {
      expect(parseWireDate(`${day}T00:00:00.0000000+00:00`)).toBeUndefined();
    },
  );

  it('agrees with a regular expression and Date', () => {
    fc.assert(
      fc.property(fc.oneof(documented, almostDocumented), text => {
        expect(parseWireDate(text)).toEqual(parseWithRegExp(text));
      }),
      { numRuns: 10_000 },
    );
  });

  it('parses each day of 400 years, and the first and the last day', () => {
    const MS_PER_DAY = 86_400_000;
    const from = Date.UTC(1800, 0, 1);
    const days = Array.from({ length: 146_097 }, (_, day) => day);
    const ends = [-62_167_219_200_000, 253_402_214_400_000];
    const wrong = [...days.map(day => from + day * MS_PER_DAY), ...ends].filter(
      time => {
        const text = new Date(time + 1).toISOString();
        return parseWireDate(text)?.getTime() !== time + 1;
      },
    );

    expect(wrong).toEqual([]);
  });
});

const ISO_8601 =
  /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:[Zz]|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)?)?$/;

/** Parses a date with a regular expression, for comparison. */
function parseWithRegExp(text: string): Date | undefined {
  const parts = ISO_8601.exec(text);
  if (!parts || text.length > 64) return undefined;
  const [, day, minute = '00:00', second = '00', fraction = ''] = parts;
  const [sign, hours = '0', minutes = '0'] = parts.slice(5);
  const ms = fraction.slice(0, 3).padEnd(3, '0');
  const utc = new Date(`${day}T${minute}:${second}.${ms}Z`);
  // Date accepts the 30th of February as the 2nd of March, and 24:00 as the next day.
  const exists = !isNaN(+utc) && utc.toISOString().startsWith(day!);
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return exists
    ? new Date(+utc - (sign === '-' ? -offset : offset))
    : undefined;
}

describe('ticksWithinMs()', () => {
  it.each([
    ['2019-07-10T15:47:58.5750058+00:00', 58],
    ['2019-07-10T15:47:58.5759999Z', 9_999],
    ['2019-07-10T15:47:58.575', 0],
    ['2019-07-10T15:47:58.57', 0],
    ['2019-07-10T15:47:58.5751Z', 1_000],
    ['2019-07-10T15:47:58.57500123456789+02:00', 12],
    ['2019-07-10T15:47:58Z', 0],
    ['2019-07-10', 0],
  ])('returns for %s the ticks %i', (text, ticks) => {
    expect(ticksWithinMs(text)).toBe(ticks);
  });
});

function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  const [h, m] = [Math.floor(size / 60), size % 60].map(part =>
    String(part).padStart(2, '0'),
  );
  return `${minutes < 0 ? '-' : '+'}${h}:${m}`;
}
