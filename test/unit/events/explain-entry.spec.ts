import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  explainEntry,
  ownFields,
  validateFields,
} from '../../../lib/events/explain-entry.js';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';
import { buildEvent } from '../../../lib/events/parse-entry.js';
import { WIRE_FIELDS, type WireEntry } from '../../../lib/events/wire-entry.js';
import {
  eventRow,
  XENIOO_EVENT_TABLE,
} from '../../../lib/events/xenioo-event.table.js';
import { XeniooEvent } from '../../../lib/events/xenioo.events.js';
import { isDeepFrozen } from '../../support/is-deep-frozen.js';
import { isIdentical } from '../../support/is-identical.js';
import { eventOf, createReceipt } from '../../support/entry-of.js';

const TYPES = [...Object.keys(XENIOO_EVENT_TABLE).map(Number), 99];

const DATES = [
  '2019-07-10T15:47:58.5750058+00:00',
  '2019-07-10T15:47:58',
  '2019-02-30T00:00:00Z',
];

const text = fc.oneof(
  { weight: 2, arbitrary: fc.string() },
  fc.constantFrom('', 'token', 'no date', ...DATES),
);

/** Valid, absent or invalid value of a documented field. */
const fieldValue = fc.oneof(
  { weight: 18, arbitrary: text },
  { weight: 2, arbitrary: fc.constant(null) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(0, 1.5, -0, true, {}, [], [[]]),
  },
);

/** Variables, some with keys that break code which trusts names. */
const variable = fc.constantFrom(
  '"city":"Rome"',
  '"age":42',
  '"gone":null',
  '"cart":{"items":[{"id":1}]}',
  '"id":"x"',
  '"type":5',
  '"0":1',
  '"":[]',
  '"__proto__":{"text":"x"}',
  '"__proto__":null',
  '"constructor":{"name":"x"}',
  '"toJSON":1',
);

/** Texts of entries of a type with valid, invalid and absent fields in any order, and variables. */
const entryText = (Type: number) =>
  fc
    .tuple(
      fc.dictionary(
        fc.constantFrom(...WIRE_FIELDS.filter(name => name !== 'Type')),
        fieldValue,
        { noNullPrototype: true, maxKeys: WIRE_FIELDS.length },
      ),
      fc.option(fc.constantFrom(...DATES), { nil: undefined }),
      fc.array(variable, { maxLength: 2 }),
    )
    .chain(([fields, Date, variables]) => {
      const members = Object.entries({ ...fields, Date, Type }).flatMap(
        ([name, value]) =>
          value === undefined
            ? []
            : [`${JSON.stringify(name)}:${numberText(value)}`],
      );
      return fc.shuffledSubarray([...members, ...variables], {
        minLength: members.length + variables.length,
      });
    })
    .map(members => `{${members.join(',')}}`);

/** `JSON.stringify` turns -0 into 0. */
function numberText(value: unknown): string {
  return Object.is(value, -0) ? '-0' : JSON.stringify(value);
}

/** Returns the properties of an event that come from documented fields. */
function wireProperties(event: XeniooEvent): object {
  const {
    type: _type,
    typeName: _typeName,
    bot: _bot,
    receivedAt: _receivedAt,
    variables: _variables,
    raw: _raw,
    ...properties
  } = event;
  return Object.fromEntries(
    Object.entries(properties).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

describe.each(TYPES)(
  'buildEvent() and explainEntry() of an entry of type %i',
  Type => {
    const { eventClass, typeName } = eventRow(Type);

    it('build exactly the entries that the decorators of the class accept, with the same properties', () => {
      const token = fc.constantFrom(undefined, 'token', '');

      fc.assert(
        fc.property(entryText(Type), token, (text, token) => {
          const from = createReceipt(token === undefined ? {} : { token });
          const fields = ownFields(JSON.parse(text) as WireEntry);
          const { event, errors } = validateFields(eventClass, fields);
          const { botToken = token } = event;
          const isValid =
            errors.length === 0 && (token === undefined || botToken === token);

          const raw: unknown = JSON.parse(text);
          const built = buildEvent(raw, from);

          expect(built !== undefined).toBe(isValid);
          if (!built) return;
          expect(built).toBeInstanceOf(eventClass);
          expect(
            isIdentical(wireProperties(built), wireProperties(event)),
          ).toBe(true);
          expect(isDeepFrozen(built)).toBe(true);
          expect(built).toMatchObject({ type: Type, typeName, bot: 'default' });
          expect(built.raw).toBe(raw);
          expect(Object.entries(built.variables)).toEqual(
            Object.entries(JSON.parse(text) as object).filter(
              ([name]) => !(WIRE_FIELDS as readonly string[]).includes(name),
            ),
          );
        }),
        { numRuns: 400 },
      );
    });

    it('give an invalid entry a reason and errors', () => {
      fc.assert(
        fc.property(entryText(Type), text => {
          const from = createReceipt({ token: 'token' });
          if (buildEvent(JSON.parse(text), from)) return;
          const place = { index: 3, text: () => text };
          const invalid = explainEntry(JSON.parse(text), from, place);

          expect(invalid).toBeInstanceOf(InvalidXeniooEntry);
          expect(invalid.errors.length).toBeGreaterThan(0);
          expect(invalid.errors.join('\n')).toMatch(/^(entry 3: .+\n?)+$/);
        }),
        { numRuns: 100 },
      );
    });
  },
);

describe('buildEvent() with a polluted Object.prototype', () => {
  afterEach(() => {
    Reflect.deleteProperty(Object.prototype, 'Channel');
    Reflect.deleteProperty(Object.prototype, 'Text');
  });

  it('ignores fields that are not own properties of the entry', () => {
    const { id } = eventOf({ Type: 1, Date: '2019-07-10T15:47:58Z' });
    Object.assign(Object.prototype, { Channel: 'polluted', Text: 5 });

    const entry = { Type: 1, Date: '2019-07-10T15:47:58Z', order: [1] };
    const event = buildEvent(entry, createReceipt());

    expect(event).toMatchObject({ id, variables: { order: [1] } });
    expect(Object.hasOwn(event!, 'channel')).toBe(false);
    expect(isDeepFrozen(event)).toBe(true);
    expect(buildEvent({ Type: 7 }, createReceipt())).toBeUndefined();
  });
});
