import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBody } from '../../../lib/events/parse-body.js';
import { eventRow } from '../../../lib/events/xenioo-event.table.js';
import { XeniooEventType } from '../../../lib/events/xenioo-event-type.js';
import { UnknownXeniooEvent } from '../../../lib/index.js';
import {
  createXeniooEntry,
  xeniooEntry,
  type XeniooEntryFactories,
  type XeniooEntryName,
} from '../../../lib/simulator/xenioo-entry.js';
import type { XeniooWireEntry } from '../../../lib/simulator/xenioo-wire-entry.js';
import { eventOf, invalidOf, createReceipt } from '../../support/entry-of.js';

const TYPES = Object.entries(XeniooEventType)
  .filter((row): row is [string, XeniooEventType] => typeof row[1] === 'number')
  .map(([name, type]) => ({
    type,
    name: `${name[0]!.toLowerCase()}${name.slice(1)}` as XeniooEntryName,
  }));

const anyName = fc.constantFrom(...TYPES.map(({ name }) => name), 'unknown');
const anyStart = fc.option(
  fc.date({
    min: new Date('1970-01-01'),
    max: new Date('9998-01-01'),
    noInvalidDate: true,
  }),
  { nil: undefined },
);

/** Creates two entries of each type and one of an unknown type. */
function createAllEntries(entry: XeniooEntryFactories): XeniooWireEntry[] {
  const names = [...TYPES, ...TYPES].map(({ name }) => name);
  return [...names.map(name => entry[name]()), entry.unknown()];
}

describe.each(TYPES)('xeniooEntry.$name()', ({ name, type }) => {
  it('creates a valid event of its class with any seed', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), anyStart, (seed, startAt) => {
        const entry = createXeniooEntry({ seed, ...(startAt && { startAt }) });
        const { eventClass } = eventRow(type);
        expect(eventOf(entry[name]())).toBeInstanceOf(eventClass);
        expect(eventOf(xeniooEntry[name]())).toBeInstanceOf(eventClass);
      }),
    );
  });

  it('replaces fields and keeps variables', () => {
    const entry = xeniooEntry[name]({
      AccountName: 'Mine',
      BotToken: undefined,
      city: { name: 'Rome' },
    });

    expect(eventOf(entry)).toMatchObject({
      type,
      accountName: 'Mine',
      variables: { city: { name: 'Rome' } },
    });
  });

  it('removes a default set to undefined and keeps null', () => {
    const entry = xeniooEntry[name]({
      AccountName: undefined,
      Channel: null,
    });

    expect(entry).not.toHaveProperty('AccountName');
    expect(entry).toHaveProperty('Channel', null);
    expect(eventOf(entry)).toMatchObject({ type });
  });
});

describe('createXeniooEntry()', () => {
  it('creates ascending dates across its factories', () => {
    const anyNames = fc.array(anyName, { minLength: 2, maxLength: 50 });
    fc.assert(
      fc.property(fc.nat(), anyNames, (seed, names) => {
        for (const entry of [createXeniooEntry({ seed }), xeniooEntry]) {
          const dates = names
            .map(name => entry[name as XeniooEntryName]().Date)
            .filter(date => typeof date === 'string');
          for (const date of dates) {
            expect(date).toMatch(/T\d\d:\d\d:\d\d\.\d{7}\+00:00$/);
          }
          expect(dates).toEqual([...new Set(dates)].toSorted());
        }
      }),
    );
  });

  it('creates the same entries with the same seed', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), seed => {
        const made = () => createAllEntries(createXeniooEntry({ seed }));
        expect(made()).toStrictEqual(made());
      }),
      { numRuns: 20 },
    );
  });

  it('creates different entries with another seed or without one', () => {
    const made = (options?: { seed: number }) =>
      JSON.stringify(createAllEntries(createXeniooEntry(options)));

    expect(made({ seed: 1 })).not.toBe(made({ seed: 2 }));
    expect(made()).not.toBe(made());
  });

  it('creates no two equal entries with a date', () => {
    const ids = Array.from(
      { length: 2_000 },
      () => eventOf(xeniooEntry.userMessage({ ConversationId: 'c' })).id,
    );

    expect(new Set(ids).size).toBe(2_000);
  });

  it('creates dates after `startAt`', () => {
    const entry = createXeniooEntry({ startAt: new Date('2030-01-01') });

    const { Date: date } = entry.takeOver();
    expect(date! > '2030-01-01T00:00:00').toBe(true);
    expect(date! < '2030-01-01T00:01:00').toBe(true);
  });
});

describe('xeniooEntry.unknown()', () => {
  it('creates an event of an undocumented type', () => {
    expect(eventOf(xeniooEntry.unknown())).toBeInstanceOf(UnknownXeniooEvent);
    expect(eventOf(xeniooEntry.unknown({ Type: 14, x: 1 }))).toMatchObject({
      type: 14,
      typeName: 'unknown',
      variables: { x: 1 },
    });
    expect(
      eventOf(xeniooEntry.unknown({ Type: undefined } as {})),
    ).toMatchObject({ typeName: 'unknown' });
  });
});

describe('xeniooEntry.malformed()', () => {
  it('rejects an unknown reason', () => {
    expect(() => xeniooEntry.malformed('broken' as never)).toThrow(
      'malformed(): expected one of invalid-fields, not-an-event, foreign-bot, not-json, got "broken".',
    );
  });

  it.each(['invalid-fields', 'not-an-event', 'foreign-bot'] as const)(
    'creates an entry that is invalid as %s with any seed',
    reason => {
      fc.assert(
        fc.property(fc.maxSafeInteger(), seed => {
          const entry = createXeniooEntry({ seed }).malformed(reason);
          expect(invalidOf(entry, { token: 'my-token' }).reason).toBe(reason);
        }),
      );
    },
  );

  it('creates the text of a body that is not JSON with any seed', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), seed => {
        const body = createXeniooEntry({ seed }).malformed('not-json');
        expect([...parseBody(body as string, createReceipt())]).toEqual([
          expect.objectContaining({ reason: 'not-json', raw: body }),
        ]);
      }),
    );
  });

  it('creates invalid fields by default', () => {
    expect(invalidOf(xeniooEntry.malformed()).reason).toBe('invalid-fields');
  });

  it('creates an entry of another bot that is valid in an app without tokens', () => {
    expect(eventOf(xeniooEntry.malformed('foreign-bot'))).toMatchObject({
      botToken: 'token-of-another-bot',
    });
  });

  it('keeps dates ascending', () => {
    const entry = createXeniooEntry({ seed: 1 });
    const before = entry.userMessage();
    const foreign = entry.malformed('foreign-bot') as XeniooWireEntry;
    const after = entry.userMessage();

    expect([before.Date!, foreign.Date!, after.Date!]).toEqual(
      [before.Date!, foreign.Date!, after.Date!].toSorted(),
    );
  });
});

describe('xeniooEntry with hostile field names', () => {
  it('creates variables of these names and changes nothing else', () => {
    const fields = JSON.parse(
      '{ "__proto__": { "Type": 5 }, "constructor": 1, "toString": 2 }',
    ) as Record<string, unknown>;
    const made = [
      xeniooEntry.userMessage(fields),
      xeniooEntry.unknown(fields),
      xeniooEntry.userConnected(fields),
    ];

    for (const entry of made) {
      const [event] = parseBody(JSON.stringify(entry), createReceipt());
      expect(Object.entries((event as UnknownXeniooEvent).variables)).toEqual([
        ['__proto__', { Type: 5 }],
        ['constructor', 1],
        ['toString', 2],
      ]);
    }
    expect({}).not.toHaveProperty('Type');
  });
});
