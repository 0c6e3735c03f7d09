import { hash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  eventId,
  hashedText,
  WIRE_FIELDS,
  type TypedWireEntry,
  type WireField,
} from '../../../lib/events/wire-entry.js';

const FIELDS = WIRE_FIELDS.filter(name => name !== 'Type');

const DATED = {
  Type: 1,
  Data: 'Hello there!',
  Date: '2019-07-10T15:47:58.5750058+00:00',
  BotToken: 'token',
};

describe('eventId() of an entry with a date', () => {
  it('returns the same id in every process', () => {
    expect(eventId({ Type: 1, Date: '2019-07-10T15:47:58Z' })).toBe(
      'O-q2Rb_FWSkfy1NxUU4dzMqeUcoVGiUEEJ0p28oMQqs',
    );
  });

  it('returns the SHA-256 of the hashed text', () => {
    expect(eventId(DATED)).toBe(hash('sha256', hashedText(DATED), 'base64url'));
  });

  it('does not depend on the order of the fields', () => {
    const { Type, Data, Date, BotToken } = DATED;

    expect(eventId({ BotToken, Date, Data, Type })).toBe(eventId(DATED));
  });

  it.each(FIELDS)('depends on the field %s', field => {
    expect(eventId({ ...DATED, [field]: 'another' })).not.toBe(eventId(DATED));
  });

  it('depends on the seventh digit of the date', () => {
    const later = { ...DATED, Date: '2019-07-10T15:47:58.5750059+00:00' };

    expect(eventId(later)).not.toBe(eventId(DATED));
  });

  it('depends on the type', () => {
    expect(eventId({ ...DATED, Type: 11 })).not.toBe(eventId(DATED));
  });

  it('depends on which field holds a value', () => {
    expect(eventId({ ...DATED, Name: 'a' })).not.toBe(
      eventId({ ...DATED, Key: 'a' }),
    );
  });

  it.each([
    ['an absent and an empty text', {}, { Data: '' }],
    ['lone surrogates', { Data: '\uD800' }, { Data: '\uDC00' }],
    ['a lone surrogate and U+FFFD', { Data: '\uD800' }, { Data: '\uFFFD' }],
    ['texts that look like lengths', { Name: '1:a' }, { Name: '1', Key: 'a' }],
  ])('differs for %s', (_, one, other) => {
    expect(eventId({ ...DATED, ...one })).not.toBe(
      eventId({ ...DATED, ...other }),
    );
  });
});

describe('eventId() of an entry without a date', () => {
  it('returns a UUID', () => {
    expect(eventId({ Type: 3 })).toMatch(
      /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/,
    );
  });

  it('returns a new id each time, since equal entries can be two events', () => {
    const entry = { Type: 3, Name: 'Order', Key: 'order' };

    expect(eventId(entry)).not.toBe(eventId(entry));
    expect(eventId({ ...entry, Date: null })).not.toBe(
      eventId({ ...entry, Date: null }),
    );
  });
});

describe('hashedText()', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.stringMatching(/^[-:;0-3]{0,4}$/),
    fc.constantFrom<unknown>(
      5,
      true,
      {},
      ['a'],
      -0,
      '\uD800',
      '\uDC00',
      '\uFFFD',
      '"',
      '\\ud800',
      '',
      null,
    ),
  );
  const fields = fc.record({
    Type: fc.nat(120),
    ...Object.fromEntries(
      FIELDS.map(name => [name, fc.option(value, { nil: undefined })]),
    ),
  });
  const bytesOf = (entry: TypedWireEntry) =>
    Buffer.from(hashedText(entry), 'utf8').toString('latin1');
  const documentedFieldsOf = (entry: TypedWireEntry) =>
    JSON.stringify(WIRE_FIELDS.map(name => entry[name] ?? null));

  it('returns the same text for two entries only if their documented fields are equal', () => {
    const pair = fc
      .tuple(fields, fields, fc.subarray([...WIRE_FIELDS]))
      .map(([one, other, shared]): [TypedWireEntry, TypedWireEntry] => [
        one,
        { ...one, ...pick(other, shared) },
      ]);

    fc.assert(
      fc.property(pair, ([one, other]) => {
        expect(bytesOf(one) === bytesOf(other)).toBe(
          documentedFieldsOf(one) === documentedFieldsOf(other),
        );
      }),
      { numRuns: 3_000 },
    );
  });

  it('keeps adjacent fields apart', () => {
    const split = fc.tuple(
      fc.stringMatching(/^[-:;0-3]{2,8}$/),
      fc.nat(8),
      fc.nat(8),
    );

    fc.assert(
      fc.property(split, ([text, one, other]) => {
        const at = (cut: number) => ({
          Type: 1,
          Name: text.slice(0, cut),
          Key: text.slice(cut),
        });

        expect(bytesOf(at(one)) === bytesOf(at(other))).toBe(
          documentedFieldsOf(at(one)) === documentedFieldsOf(at(other)),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

function pick(entry: TypedWireEntry, names: readonly WireField[]) {
  return Object.fromEntries(names.map(name => [name, entry[name]]));
}
