import { hash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventId } from '../../../lib/events/event-id.js';
import { WIRE_FIELDS } from '../../../lib/events/wire-fields.js';

type Entry = Record<string, unknown>;

const DATED = {
  Type: 1,
  Data: 'Hello there!',
  Date: '2019-07-10T15:47:58.5750058+00:00',
  BotToken: 'token',
};

describe('of an entry with a date', () => {
  it('is the same in every process', () => {
    expect(eventId({ Type: 1, Date: '2019-07-10T15:47:58Z' })).toBe(
      '7JD1AXYFl87aUyQoCQQVs1mwS8K50h7_cqF7-24baKE',
    );
  });

  it('is a hash of every documented field in the order of the list, null for an absent one', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(null, 0, true, {}),
    );
    const fields = fc.dictionary(fc.constantFrom(...WIRE_FIELDS), value);

    fc.assert(
      fc.property(fields, given => {
        const entry = { ...given, Date: DATED.Date };
        const values = WIRE_FIELDS.map(
          field => (entry as Entry)[field] ?? null,
        );

        expect(eventId(entry)).toBe(
          hash('sha256', JSON.stringify(values), 'base64url'),
        );
      }),
    );
  });

  it('does not depend on the order of the fields', () => {
    const reversed = Object.fromEntries(Object.entries(DATED).toReversed());

    expect(eventId(reversed)).toBe(eventId({ ...DATED }));
  });

  it.each(WIRE_FIELDS)('depends on %s', field => {
    expect(eventId({ ...DATED, [field]: 'another' })).not.toBe(eventId(DATED));
  });

  it('depends on the seventh digit of the date', () => {
    const later = { ...DATED, Date: '2019-07-10T15:47:58.5750059+00:00' };

    expect(eventId(later)).not.toBe(eventId(DATED));
  });

  it('depends on which field holds a value', () => {
    const { Date } = DATED;

    expect(eventId({ Date, Name: 'a' })).not.toBe(eventId({ Date, Key: 'a' }));
  });
});

describe('of an entry without a date', () => {
  it('is a UUID', () => {
    expect(eventId({ Type: 3 })).toMatch(
      /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/,
    );
  });

  it('is another each time: equal entries can be two events', () => {
    const entry = { Type: 3, Name: 'Order', Key: 'order' };

    expect(eventId(entry)).not.toBe(eventId(entry));
    expect(eventId({ ...entry, Date: null })).not.toBe(
      eventId({ ...entry, Date: null }),
    );
  });
});
