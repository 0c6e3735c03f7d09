import { Exclude, Expose, Transform, Type } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsDate,
  IsDefined,
  IsInt,
  IsOptional,
  IsString,
  MinLength,
  Validate,
  ValidateIf,
  ValidateNested,
  ValidatorConstraint,
} from 'class-validator';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { compileEvent } from '../../../lib/events/compile-event.js';
import { buildEvent } from '../../../lib/events/build-event.js';
import { explainEntry } from '../../../lib/events/explain-entry.js';
import { parseEntry } from '../../../lib/events/parse-entry.js';
import {
  WIRE_FIELDS,
  WireDate,
  WireText,
} from '../../../lib/events/wire-fields.js';
import {
  eventRow,
  XENIOO_EVENT_TABLE,
} from '../../../lib/events/xenioo-event.table.js';
import { XeniooEvent } from '../../../lib/events/xenioo.event.js';
import type { XeniooReceipt } from '../../../lib/events/xenioo.receipt.js';
import { areAlike, isFrozenThrough } from '../../support/are-alike.js';
import { receipt } from '../../support/receipt.js';

const RUNS = Number(process.env['COMPILED_RUNS'] ?? 10_000);

/** A busy machine takes half a millisecond for each. */
const TIMEOUT_MS = Math.max(30_000, RUNS);

const TYPES = [...Object.keys(XENIOO_EVENT_TABLE).map(Number), 99];

/** Each class of event, that of unknown types too. */
const ROWS = TYPES.map(eventRow);

const fieldValue = fc.oneof(
  { weight: 12, arbitrary: fc.string() },
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      '2019-07-10T15:47:58.5750058+00:00',
      '2019-07-10T15:47:58Z',
      '2019-07-10',
      '2019-02-30T00:00:00Z',
      '2009-W01-1',
      'no date',
      '',
    ),
  },
  { weight: 1, arbitrary: fc.constant(null) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(0, 1.5, -0, true, false, {}, [], [[]]),
  },
);

/** What the bot adds, and what breaks code that trusts names. */
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

const date = fc.constantFrom(
  '2019-07-10T15:47:58.5750058+00:00',
  '2019-07-10T15:47:58',
  '2019-02-30T00:00:00Z',
);

/** Texts of entries as they come: fields that are right, wrong and missing, in any order, and variables. */
const entryText = fc
  .tuple(
    fc.dictionary(
      fc.constantFrom(...WIRE_FIELDS.filter(name => name !== 'Type')),
      fieldValue,
      { noNullPrototype: true, maxKeys: WIRE_FIELDS.length },
    ),
    fc.option(date, { nil: undefined }),
    fc.constantFrom<unknown>(...TYPES),
    fc.array(variable, { maxLength: 2 }),
  )
  .chain(([fields, Date, Type, variables]) => {
    const all = Date === undefined ? { ...fields } : { ...fields, Date };
    const members = Object.entries({ ...all, Type }).map(
      ([name, value]) => `${JSON.stringify(name)}:${numberText(value)}`,
    );
    return fc.shuffledSubarray([...members, ...variables], {
      minLength: members.length + variables.length,
    });
  })
  .map(members => `{${members.join(',')}}`);

/** `JSON.stringify` makes 0 of -0. */
function numberText(value: unknown): string {
  return Object.is(value, -0) ? '-0' : JSON.stringify(value);
}

const BOTS = [{ name: 'support' }, { name: 'support', token: '' }];

const call = fc.record({
  bot: fc.constantFrom(...BOTS.map(bot => ({ ...bot, secrets: ['secret'] }))),
  receivedAt: fc.constant(new Date('2024-05-01T12:00:00Z')),
  hasLazyIds: fc.boolean(),
});

/** Both ways, each with an entry of its own, since both freeze it. */
function bothWays(text: string, receipt: XeniooReceipt, id?: string) {
  const place = { index: 0, text: () => text, ...(id !== undefined && { id }) };
  return {
    quick: buildEvent(JSON.parse(text), receipt, id),
    slow: explainEntry(JSON.parse(text), receipt, place),
  };
}

describe('an event class', () => {
  it.each(ROWS)('is compiled: $typeName', row => {
    expect(compileEvent(row)).toBeTypeOf('function');
  });

  it(
    'makes the same of an entry, compiled or not',
    { timeout: TIMEOUT_MS },
    () => {
      const id = fc.constantFrom('id-1', undefined);

      fc.assert(
        fc.property(entryText, call, id, (text, receipt, given) => {
          const hasDate = typeof JSON.parse(text).Date === 'string';
          // One without a date is another event each time.
          const { quick, slow } = bothWays(
            text,
            receipt,
            hasDate ? given : 'id-1',
          );

          if (!quick) return;
          expect(slow).toBeInstanceOf(XeniooEvent);
          expect(areAlike(quick, slow)).toBe(true);
          expect(isFrozenThrough(quick)).toBe(true);
        }),
        { numRuns: RUNS },
      );
    },
  );

  it(
    'is quick for each entry without a mistake',
    { timeout: TIMEOUT_MS },
    () => {
      const documented = new Set<string>(WIRE_FIELDS);
      fc.assert(
        fc.property(entryText, call, (text, receipt) => {
          const { quick, slow } = bothWays(text, receipt);
          // What is documented of other types may be no text, and is slow then.
          const isOdd = Object.entries(JSON.parse(text) as object).some(
            ([name, value]) =>
              documented.has(name) &&
              name !== 'Type' &&
              value !== null &&
              typeof value !== 'string',
          );

          if (isOdd) return;
          expect(quick !== undefined).toBe(slow instanceof XeniooEvent);
        }),
        { numRuns: RUNS / 10 },
      );
    },
  );
});

@ValidatorConstraint()
class IsGreeting {
  validate(text: unknown) {
    return text === 'Hello';
  }
}

class Nested {
  @WireText('Data')
  readonly text?: string;
}

const field = () => Expose({ name: 'Data' });

/** Classes that are not made of texts and dates of the wire alone. */
const OTHERS = {
  'another transformation'() {
    class Event {
      @field()
      @Transform(({ value }: { value: unknown }) => value)
      @IsString()
      text?: string;
    }
    return Event;
  },
  'a nested class'() {
    class Event {
      @field()
      @Type(() => Nested)
      @ValidateNested()
      text?: Nested;
    }
    return Event;
  },
  'a constraint of its own'() {
    class Event {
      @field()
      @Validate(IsGreeting)
      text?: string;
    }
    return Event;
  },
  'a constraint beside that of a text'() {
    class Event {
      @field()
      @IsString()
      @MinLength(3)
      text?: string;
    }
    return Event;
  },
  'another kind of value'() {
    class Event {
      @field()
      @IsInt()
      text?: number;
    }
    return Event;
  },
  'a rule for each value'() {
    class Event {
      @field()
      @IsString({ each: true })
      @ArrayNotEmpty()
      text?: string[];
    }
    return Event;
  },
  'a rule of a group'() {
    class Event {
      @WireText('Data')
      text?: string;

      @Expose({ name: 'Name' })
      @IsString({ groups: ['admin'] })
      name?: string;
    }
    return Event;
  },
  'a rule that holds under a condition of its own'() {
    class Event {
      @field()
      @IsString({ validateIf: () => false })
      text?: string;
    }
    return Event;
  },
  'a property that is exposed to a group'() {
    class Event {
      @Expose({ name: 'Data', groups: ['admin'] })
      @IsString()
      text?: string;
    }
    return Event;
  },
  'a property that is excluded'() {
    class Event {
      @WireText('Data')
      text?: string;

      @Exclude()
      @IsOptional()
      name?: string;
    }
    return Event;
  },
  'a property that is not exposed'() {
    class Event {
      @WireText('Data')
      text?: string;

      @IsDefined()
      name?: string;
    }
    return Event;
  },
  'a property without a rule'() {
    class Event {
      @WireText('Data')
      text?: string;

      @Expose({ name: 'Name' })
      name?: string;
    }
    return Event;
  },
  'a date that is not of the wire'() {
    class Event {
      @Expose({ name: 'Date' })
      @Type(() => Date)
      @IsDate()
      date?: Date;
    }
    return Event;
  },
  'a text that is made a date'() {
    class Event {
      @WireDate('Date')
      @IsString()
      date?: Date;
    }
    return Event;
  },
  'an accessor'() {
    class Event {
      @WireText('Data')
      get text() {
        return 'Hello';
      }
    }
    return Event;
  },
  'a value from the start'() {
    class Event {
      @WireText('Data')
      text?: string;

      readonly isNew = true;
    }
    return Event;
  },
  'a field that is not documented'() {
    class Event {
      @Expose({ name: 'city' })
      @IsString()
      city?: string;
    }
    return Event;
  },
  'no decorators'() {
    return class Event {};
  },
} satisfies Record<string, () => new () => object>;

describe('a class with something else', () => {
  it.each(Object.entries(OTHERS))('is left alone: %s', (_, create) => {
    const eventClass = create();

    expect(compileEvent({ eventClass, typeName: 'other' })).toBeUndefined();
  });
});

describe('a property that is needed under a condition', () => {
  class Event {
    @field()
    @ValidateIf(({ name }: Event) => name === undefined)
    @IsString()
    text?: string;

    @WireText('Name')
    name?: string;
  }

  it.each([
    [{ Data: 'Hello' }, true],
    [{ Name: 'Ada' }, true],
    [{}, false],
  ])('%o', (given, isMade) => {
    const build = compileEvent({ eventClass: Event, typeName: 'other' })!;

    expect(build(given, receipt()) !== undefined).toBe(isMade);
  });
});

describe('when somebody has added a field to `Object.prototype`', () => {
  afterEach(() => {
    Reflect.deleteProperty(Object.prototype, 'Channel');
  });

  it('takes nothing from there', () => {
    const entry = { Type: 1, Data: 'a', order: { lines: [1] } };
    Object.assign(Object.prototype, { Channel: 'polluted' });

    expect(buildEvent(entry, receipt())).toBe(undefined);
    const event = parseEntry(entry, receipt(), { index: 0, text: () => '' });
    expect(event).toBeInstanceOf(XeniooEvent);
    expect(event).toMatchObject({ variables: { order: { lines: [1] } } });
    expect(Object.hasOwn(event, 'channel')).toBe(false);
    expect(isFrozenThrough(event)).toBe(true);
  });
});
