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
import { describe, expect, it } from 'vitest';
import { compileEvent } from '../../../lib/events/compile-event.js';
import { explainEvent, readEvent } from '../../../lib/events/read-event.js';
import {
  WIRE_FIELDS,
  WireDate,
  WireText,
} from '../../../lib/events/wire-fields.js';
import {
  eventRow,
  XENIOO_EVENT_TABLE,
} from '../../../lib/events/xenioo-event.table.js';
import { isSame } from '../../support/is-same.js';

const RUNS = Number(process.env['COMPILED_RUNS'] ?? 10_000);

/** Each class of event, that of unknown types too. */
const CLASSES = [...Object.keys(XENIOO_EVENT_TABLE), '99'].map(
  type => eventRow(Number(type)).eventClass,
);

const fieldValue = fc.oneof(
  { weight: 6, arbitrary: fc.string() },
  {
    weight: 3,
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
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(0, 1.5, -0, true, false, {}, []),
  },
);

/** Fields as they come to the classes: right ones, wrong ones, missing ones. */
const fields = fc.dictionary(fc.constantFrom(...WIRE_FIELDS), fieldValue, {
  noNullPrototype: true,
  maxKeys: WIRE_FIELDS.length,
});

describe('an event class', () => {
  it.each(CLASSES)('is compiled: %o', eventClass => {
    expect(compileEvent(eventClass)).toBeTypeOf('function');
  });

  it('makes the same of an entry, compiled or not', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CLASSES), fields, (eventClass, given) => {
        const quick = readEvent(eventClass, given);
        const slow = explainEvent(eventClass, given);

        expect(quick.errors).toEqual(slow.errors);
        expect(isSame(quick.event, slow.event)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  it('is quick for each entry without a mistake', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CLASSES), fields, (eventClass, given) => {
        const { errors } = explainEvent(eventClass, given);
        const event = compileEvent(eventClass)!(given);

        expect(event === undefined).toBe(errors.length > 0);
      }),
      { numRuns: RUNS / 10 },
    );
  });
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
  'no decorators'() {
    return class Event {};
  },
} satisfies Record<string, () => new () => object>;

describe('a class with something else', () => {
  it.each(Object.entries(OTHERS))('is left alone: %s', (_, create) => {
    expect(compileEvent(create())).toBeUndefined();
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
    expect(compileEvent(Event)!(given) !== undefined).toBe(isMade);
  });
});
