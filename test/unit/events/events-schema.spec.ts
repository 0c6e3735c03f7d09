import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { eventsSchema } from '../../../lib/events/events-schema.js';
import { parseBody } from '../../../lib/events/parse-body.js';
import { parseWireDate } from '../../../lib/events/wire-date.js';
import { WIRE_FIELDS } from '../../../lib/events/wire-entry.js';
import { isInvalidEntry } from '../../../lib/events/xenioo-event.table.js';
import { anyEntryText, anyJsonText } from '../../support/any-json.js';
import { createReceipt } from '../../support/entry-of.js';

const ajv = new Ajv2020({ strict: true });
const schema = eventsSchema();
const isValid = ajv.compile(schema);

/** Returns true if every entry of a body is an event. */
function isAccepted(body: string): boolean {
  return !parseBody(body, createReceipt()).some(isInvalidEntry);
}

/**
 * Compares the schema with the parser on generated bodies.
 * @returns how many bodies both accept
 */
function countAccepted(bodies: fc.Arbitrary<string>, numRuns: number): number {
  let accepted = 0;
  fc.assert(
    fc.property(bodies, body => {
      if (isAccepted(body)) accepted++;
      return isValid(JSON.parse(body)) === isAccepted(body);
    }),
    { numRuns },
  );
  return accepted;
}

const type = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 16 }) },
  fc.constantFrom(-1, 1.5, 2 ** 53 - 1, 2 ** 53, '1', null, true, [1]),
);
const date = fc.oneof(
  fc.constantFrom('2019-07-10T15:47:58.5750058+00:00', '2024-02-29', ''),
  fc.string(),
);
const text = fc.oneof(
  { weight: 6, arbitrary: fc.string() },
  fc.constantFrom(null, 5, false, ['x'], { of: 'x' }),
);
const fields = fc.record(
  {
    ...Object.fromEntries(WIRE_FIELDS.map(field => [field, text])),
    Type: type,
    Date: fc.oneof(date, text),
    city: fc.anything({ maxDepth: 2 }),
  },
  { requiredKeys: [] },
);
/** Entries that the parser accepts about as often as it rejects them. */
const entry = fc.oneof(
  { weight: 8, arbitrary: fields },
  {
    weight: 8,
    arbitrary: fc
      .tuple(fields, type)
      .map(([all, Type]) => ({ ...all, Type, Date: undefined })),
  },
  fc.constantFrom(null, 'text', 1, [], [{ Type: 1 }]),
);

describe('the schema of a body', () => {
  it.each(['documented', 'every-type'])('accepts the fixture %s', file => {
    const text = readFileSync(`test/fixtures/${file}.json`, 'utf8');
    const entries = JSON.parse(text) as unknown[];

    expect(isValid(entries)).toBe(true);
    for (const one of entries) expect(isValid(one)).toBe(true);
  });

  it('has a title and a description for each event and each field', () => {
    for (const [name, definition] of Object.entries(schema.$defs)) {
      expect(definition).toMatchObject({
        title: name,
        description: expect.stringMatching(/\.$/),
      });
      for (const field of Object.values(definition['properties'] ?? {})) {
        expect(field).toHaveProperty('description');
      }
    }
  });

  it('accepts 20,000 entries and rejects one more', () => {
    const entries = Array.from({ length: 20_000 }, () => ({ Type: 8 }));

    expect(isValid(entries)).toBe(true);
    expect(isValid([...entries, { Type: 8 }])).toBe(false);
  });
});

describe('the schema and the parser agree', () => {
  it('on generated entries', () => {
    const accepted = countAccepted(
      entry.map(value => JSON.stringify(value)),
      2_000,
    );

    expect(accepted).toBeGreaterThan(200);
    expect(accepted).toBeLessThan(1_800);
  });

  it('on arrays of entries', () => {
    const arrays = fc.array(entry, { maxLength: 3 });
    const accepted = countAccepted(
      arrays.map(entries => JSON.stringify(entries)),
      500,
    );

    expect(accepted).toBeGreaterThan(50);
  });

  it('on any JSON', () => {
    const accepted = countAccepted(fc.oneof(anyEntryText, anyJsonText), 2_000);

    expect(accepted).toBeGreaterThan(20);
  });

  it('on dates', () => {
    const digits = (most: number) =>
      fc.nat(most + 2).map(value => String(value).padStart(2, '0'));
    const likeADate = fc
      .tuple(
        fc.oneof(
          fc.constantFrom('1900', '2000', '2023', '2024', '0000', '0004'),
          fc.nat(9_999).map(year => String(year).padStart(4, '0')),
        ),
        digits(12),
        digits(31),
        fc.constantFrom('T', 't', ' ', '_'),
        digits(23),
        digits(59),
        fc.option(digits(59), { nil: undefined }),
        fc.constantFrom('', '.', '.5', '.5750058', `.${'1'.repeat(50)}`),
        fc.constantFrom(
          '',
          'Z',
          'z',
          '+',
          '+02',
          '-0230',
          '+02:30',
          '-24:00',
          '+02:60',
          '\n',
        ),
      )
      .map(
        ([year, month, day, t, hour, minute, second, fraction, offset]) =>
          `${year}-${month}-${day}${t}${hour}:${minute}${second ? `:${second}${fraction}` : ''}${offset}`,
      );
    const dates = fc.oneof(
      likeADate,
      likeADate.map(text => text.slice(0, 10)),
      fc
        .tuple(likeADate, fc.nat(30), fc.string({ maxLength: 1 }))
        .map(
          ([text, at, other]) => text.slice(0, at) + other + text.slice(at + 1),
        ),
    );
    const accepted = countAccepted(
      dates.map(Date => JSON.stringify({ Type: 8, Date })),
      5_000,
    );

    expect(accepted).toBeGreaterThan(300);
    expect(accepted).toBeLessThan(4_700);
  });

  it('on every day of 400 years', () => {
    const days = Array.from({ length: 400 * 12 * 31 }, (_, at) => {
      const month = String((Math.floor(at / 31) % 12) + 1).padStart(2, '0');
      const day = String((at % 31) + 1).padStart(2, '0');
      return `${1800 + Math.floor(at / 372)}-${month}-${day}`;
    });

    const wrong = days.filter(
      Date => isValid({ Type: 8, Date }) !== Boolean(parseWireDate(Date)),
    );

    expect(wrong).toEqual([]);
  });
});
