import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import { conversationOf, inOrderOfDate } from '../../../lib/inbox/entries.js';
import documented from '../../fixtures/documented.json' with { type: 'json' };
import { eventOf, invalidOf, entryOf } from '../../support/entry-of.js';

const SECOND = '2019-07-10T15:47:58';

/** Returns a message event of a conversation. */
const messageEvent = (
  text: string,
  date?: string,
  conversation = 'c1',
  bot = 'bot',
) =>
  eventOf(
    { Type: 1, Data: text, ConversationId: conversation, Date: date ?? null },
    { name: bot },
  );

const textsOf = (entries: readonly XeniooEntry[]) =>
  entries.map(({ raw }) => (raw as { Data: string }).Data);

const textsInOrder = (...entries: XeniooEntry[]) =>
  textsOf(inOrderOfDate(entries));

describe('inOrderOfDate()', () => {
  it('sorts entries by their dates', () => {
    expect(
      textsInOrder(
        messageEvent('third', `${SECOND}.9Z`),
        messageEvent('first', '2019-07-09T23:59:59Z'),
        messageEvent('second', `${SECOND}Z`),
      ),
    ).toEqual(['first', 'second', 'third']);
  });

  it('compares the seventh fraction digit', () => {
    expect(
      textsInOrder(
        messageEvent('e', `${SECOND}.576`),
        messageEvent('d', `${SECOND}.5750059+00:00`),
        messageEvent('c', `${SECOND}.5750058+00:00`),
        messageEvent('b', `${SECOND}.575001`),
        messageEvent('a', `${SECOND}.575`),
      ),
    ).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('compares the seventh fraction digit when other dates are years apart', () => {
    expect(
      textsInOrder(
        messageEvent('b', '0001-01-01T00:00:00.0000001Z'),
        messageEvent('d', '9999-12-31T23:59:59.9999999Z'),
        messageEvent('c', '9999-12-31T23:59:59.9999998Z'),
        messageEvent('a', '0001-01-01T00:00:00Z'),
      ),
    ).toEqual(['a', 'b', 'c', 'd']);
  });

  it('sorts the documented example, in which the answer of the bot comes first', () => {
    const entries = documented.map(entry => entryOf(entry));

    expect(inOrderOfDate(entries).map(({ raw }) => raw)).toEqual([
      documented[1],
      documented[0],
      documented[2],
      documented[3],
    ]);
  });

  it('compares dates with different offsets', () => {
    expect(
      textsInOrder(
        messageEvent('third', '2019-07-10T12:00:00.0000001Z'),
        messageEvent('second', '2019-07-10T14:00:00+02:00'),
        messageEvent('first', '2019-07-10T06:59:59.9999999-05:00'),
      ),
    ).toEqual(['first', 'second', 'third']);
  });

  it('keeps the order of entries with the same date', () => {
    expect(
      textsInOrder(
        messageEvent('last', `${SECOND}.2Z`),
        messageEvent('one', `${SECOND}.1000000Z`),
        messageEvent('two', `${SECOND}.1Z`),
        messageEvent('three', `${SECOND}.10+00:00`),
      ),
    ).toEqual(['one', 'two', 'three', 'last']);
  });
});

it('inOrderOfDate() keeps undated and invalid entries in place', () => {
  const Date = `${SECOND}.1Z`;

  expect(
    textsInOrder(
      messageEvent('undated 1'),
      messageEvent('late', `${SECOND}.2Z`),
      messageEvent('undated 2'),
      invalidOf({ Data: 'invalid', Date }),
      messageEvent('early', Date),
      messageEvent('undated 3'),
    ),
  ).toEqual([
    'undated 1',
    'early',
    'undated 2',
    'invalid',
    'late',
    'undated 3',
  ]);
});

it('inOrderOfDate() keeps the entries of other conversations in place', () => {
  expect(
    textsInOrder(
      messageEvent('a late', `${SECOND}.9Z`, 'a'),
      messageEvent('a undated', undefined, 'a'),
      messageEvent('b early', `${SECOND}.1Z`, 'b'),
      messageEvent('a early', `${SECOND}.2Z`, 'a'),
    ),
  ).toEqual(['a early', 'a undated', 'b early', 'a late']);
});

it('inOrderOfDate() returns the same array when it is in order', () => {
  const given = [
    messageEvent('a', `${SECOND}.1Z`),
    messageEvent('b'),
    messageEvent('c', SECOND),
  ];
  const inOrder = [given[2]!, given[1]!, given[0]!];

  expect(inOrderOfDate(inOrder)).toBe(inOrder);
  expect(inOrderOfDate(given.slice(0, 2))).toEqual(given.slice(0, 2));
});

it('inOrderOfDate() does not change its argument', () => {
  const given = Object.freeze([
    messageEvent('late', `${SECOND}.9Z`),
    messageEvent('early', `${SECOND}.2Z`),
  ]);

  expect(textsOf(inOrderOfDate(given))).toEqual(['early', 'late']);
});

interface EntryPlan {
  /** Steps of 100 ns since 1970, the finest resolution on the wire. */
  readonly at: bigint | undefined;
  readonly offsetMinutes: number;
  readonly isValid: boolean;
  readonly conversation: 'a' | 'b' | undefined;
}

/** Formats a date with all fraction digits except trailing zeros. */
function wireDate({ at, offsetMinutes }: EntryPlan): string | null {
  if (at === undefined) return null;
  const fraction = ((at % 10_000n) + 10_000n) % 10_000n;
  const ms = Number((at - fraction) / 10_000n) + offsetMinutes * 60_000;
  const sign = offsetMinutes < 0 ? '-' : '+';
  const minutes = Math.abs(offsetMinutes);
  const offset = [Math.floor(minutes / 60), minutes % 60]
    .map(part => String(part).padStart(2, '0'))
    .join(':');
  const digits = `${new Date(ms).toISOString().slice(0, -1)}${String(fraction).padStart(4, '0')}`;
  return `${digits.replace(/\.?0+$/, '')}${sign}${offset}`;
}

/** Swaps adjacent dated entries of a conversation until they are in order. */
function naiveOrder(all: readonly EntryPlan[]): number[] {
  const order = [...all.keys()];
  for (const conversation of ['a', 'b']) {
    const places = order.filter(index => {
      const one = all[index]!;
      return (
        one.isValid && one.at !== undefined && one.conversation === conversation
      );
    });
    for (let changed = true; changed;) {
      changed = false;
      for (const [n, place] of places.slice(1).entries()) {
        const before = places[n]!;
        const [one, other] = [order[before]!, order[place]!];
        if (all[one]!.at! <= all[other]!.at!) continue;
        [order[before], order[place]] = [other, one];
        changed = true;
      }
    }
  }
  return order;
}

it.each([
  ['within a few milliseconds', Date.UTC(2019, 6, 10), 3],
  ['around 1970', -2, 4],
  ['years apart', Date.UTC(1000, 0), Date.UTC(9000, 0) - Date.UTC(1000, 0)],
])(
  'inOrderOfDate() agrees with a naive sort for dates %s',
  (_what, fromMs, spanMs) => {
    const min = BigInt(fromMs) * 10_000n;
    const max = min + BigInt(spanMs) * 10_000n;
    const anyTime = fc.bigInt({ min, max });
    const at = fc.oneof(
      anyTime,
      // Close to an end of the range, so that only the last digits differ.
      fc.bigInt({ min: 0n, max: 20n }).map(steps => min + steps),
      fc.bigInt({ min: 0n, max: 20n }).map(steps => max - steps),
    );
    const sent: fc.Arbitrary<EntryPlan> = fc.record({
      at: fc.option(at, { nil: undefined }),
      offsetMinutes: fc.constantFrom(0, 60, -330, 14 * 60, -12 * 60),
      isValid: fc.nat(5).map(chance => chance > 0),
      conversation: fc.constantFrom('a' as const, 'b' as const, undefined),
    });
    fc.assert(
      fc.property(fc.array(sent, { maxLength: 25 }), all => {
        const entries = all.map((one, index) =>
          entryOf({
            Type: one.isValid ? 1 : 'x',
            Data: String(index),
            Date: wireDate(one),
            ConversationId: one.conversation,
          }),
        );
        const order = inOrderOfDate(entries).map(entry =>
          entries.indexOf(entry),
        );

        expect(order).toEqual(naiveOrder(all));
      }),
      { numRuns: 300 },
    );
  },
);

describe('conversationOf()', () => {
  it('includes the bot', () => {
    const one = conversationOf(messageEvent('x', undefined, 'c1', 'support'));

    expect(conversationOf(messageEvent('y', undefined, 'c1', 'support'))).toBe(
      one,
    );
    expect(conversationOf(messageEvent('x', undefined, 'c1', 'shop'))).not.toBe(
      one,
    );
    expect(
      conversationOf(messageEvent('x', undefined, 'c2', 'support')),
    ).not.toBe(one);
  });

  it('differs for any other bot or conversation id', () => {
    // The options allow no control character in a name.
    const bot = fc.string().map(name => name.replaceAll(/\p{Cc}/gu, ''));
    const conversation = fc.tuple(bot, fc.string());
    fc.assert(
      fc.property(conversation, conversation, (one, other) => {
        const [a, b] = [one, other].map(([bot, id]) =>
          conversationOf(messageEvent('x', undefined, id, bot)),
        );
        expect(a === b).toBe(one[0] === other[0] && one[1] === other[1]);
      }),
      {
        examples: [':', ',', '","', ' '].map(between => [
          ['a', `b${between}c`],
          [`a${between}b`, 'c'],
        ]),
      },
    );
  });

  it('is undefined without a conversation id and for invalid entries', () => {
    expect(conversationOf(eventOf({ Type: 1 }))).toBeUndefined();
    expect(
      conversationOf(invalidOf({ Type: 'x', ConversationId: 'c1' })),
    ).toBeUndefined();
  });

  it('accepts an empty conversation id', () => {
    expect(conversationOf(messageEvent('x', undefined, ''))).toBeDefined();
  });
});
