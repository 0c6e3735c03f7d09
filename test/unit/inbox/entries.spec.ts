import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import { conversationOf, inOrderOfDate } from '../../../lib/inbox/entries.js';
import documented from '../../fixtures/documented.json' with { type: 'json' };
import { eventOf, invalidOf, entryOf } from '../../support/entry-of.js';

const SECOND = '2019-07-10T15:47:58';

/** An event of a conversation. */
const said = (text: string, date?: string, conversation = 'c1', bot = 'bot') =>
  eventOf(
    { Type: 1, Data: text, ConversationId: conversation, Date: date ?? null },
    { name: bot },
  );

const textsOf = (entries: readonly XeniooEntry[]) =>
  entries.map(({ raw }) => (raw as { Data: string }).Data);

const ordered = (...entries: XeniooEntry[]) => textsOf(inOrderOfDate(entries));

describe('the dated entries of a call', () => {
  it('are put in the order of their dates', () => {
    expect(
      ordered(
        said('third', `${SECOND}.9Z`),
        said('first', '2019-07-09T23:59:59Z'),
        said('second', `${SECOND}Z`),
      ),
    ).toEqual(['first', 'second', 'third']);
  });

  it('are told apart by the seventh digit of the second', () => {
    expect(
      ordered(
        said('e', `${SECOND}.576`),
        said('d', `${SECOND}.5750059+00:00`),
        said('c', `${SECOND}.5750058+00:00`),
        said('b', `${SECOND}.575001`),
        said('a', `${SECOND}.575`),
      ),
    ).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('are told apart by the seventh digit, though others are years apart', () => {
    expect(
      ordered(
        said('b', '0001-01-01T00:00:00.0000001Z'),
        said('d', '9999-12-31T23:59:59.9999999Z'),
        said('c', '9999-12-31T23:59:59.9999998Z'),
        said('a', '0001-01-01T00:00:00Z'),
      ),
    ).toEqual(['a', 'b', 'c', 'd']);
  });

  it('are put in order in documented examples, where the bot’s answer stands first', () => {
    const entries = documented.map(entry => entryOf(entry));

    expect(inOrderOfDate(entries).map(({ raw }) => raw)).toEqual([
      documented[1],
      documented[0],
      documented[2],
      documented[3],
    ]);
  });

  it('are put in order whatever their offsets', () => {
    expect(
      ordered(
        said('third', '2019-07-10T12:00:00.0000001Z'),
        said('second', '2019-07-10T14:00:00+02:00'),
        said('first', '2019-07-10T06:59:59.9999999-05:00'),
      ),
    ).toEqual(['first', 'second', 'third']);
  });

  it('keep their order where they have one date', () => {
    expect(
      ordered(
        said('last', `${SECOND}.2Z`),
        said('one', `${SECOND}.1000000Z`),
        said('two', `${SECOND}.1Z`),
        said('three', `${SECOND}.10+00:00`),
      ),
    ).toEqual(['one', 'two', 'three', 'last']);
  });
});

it('leaves undated and invalid entries in their places', () => {
  const Date = `${SECOND}.1Z`;

  expect(
    ordered(
      said('undated 1'),
      said('late', `${SECOND}.2Z`),
      said('undated 2'),
      invalidOf({ Data: 'invalid', Date }),
      said('early', Date),
      said('undated 3'),
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

it('leaves the entries of other conversations in their places', () => {
  expect(
    ordered(
      said('a late', `${SECOND}.9Z`, 'a'),
      said('a undated', undefined, 'a'),
      said('b early', `${SECOND}.1Z`, 'b'),
      said('a early', `${SECOND}.2Z`, 'a'),
    ),
  ).toEqual(['a early', 'a undated', 'b early', 'a late']);
});

it('returns entries that are in order as they are', () => {
  const given = [said('a', `${SECOND}.1Z`), said('b'), said('c', SECOND)];
  const inOrder = [given[2]!, given[1]!, given[0]!];

  expect(inOrderOfDate(inOrder)).toBe(inOrder);
  expect(inOrderOfDate(given.slice(0, 2))).toEqual(given.slice(0, 2));
});

it('does not change what it is given', () => {
  const given = Object.freeze([
    said('late', `${SECOND}.9Z`),
    said('early', `${SECOND}.2Z`),
  ]);

  expect(textsOf(inOrderOfDate(given))).toEqual(['early', 'late']);
});

interface Sent {
  /** In steps of 100 ns since 1970, the finest of the wire. */
  readonly at: bigint | undefined;
  readonly offsetMinutes: number;
  readonly isValid: boolean;
  readonly conversation: 'a' | 'b' | undefined;
}

/** Writes a date with all its digits, or fewer where the last are zeros. */
function wireDate({ at, offsetMinutes }: Sent): string | null {
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

/** Swaps dated entries of a conversation while one stands before an earlier one. */
function naively(all: readonly Sent[]): number[] {
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
])('sorts as a naive sort does: dates %s', (_what, fromMs, spanMs) => {
  const min = BigInt(fromMs) * 10_000n;
  const max = min + BigInt(spanMs) * 10_000n;
  const anyTime = fc.bigInt({ min, max });
  const at = fc.oneof(
    anyTime,
    // Close to an end, so that the last digits decide.
    fc.bigInt({ min: 0n, max: 20n }).map(steps => min + steps),
    fc.bigInt({ min: 0n, max: 20n }).map(steps => max - steps),
  );
  const sent: fc.Arbitrary<Sent> = fc.record({
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
      const order = inOrderOfDate(entries).map(entry => entries.indexOf(entry));

      expect(order).toEqual(naively(all));
    }),
    { numRuns: 300 },
  );
});

describe('the conversation of an entry', () => {
  it('is one of its bot alone', () => {
    const one = conversationOf(said('x', undefined, 'c1', 'support'));

    expect(conversationOf(said('y', undefined, 'c1', 'support'))).toBe(one);
    expect(conversationOf(said('x', undefined, 'c1', 'shop'))).not.toBe(one);
    expect(conversationOf(said('x', undefined, 'c2', 'support'))).not.toBe(one);
  });

  it('is never that of another bot or id', () => {
    // The options allow no control character in a name.
    const bot = fc.string().map(name => name.replaceAll(/\p{Cc}/gu, ''));
    const conversation = fc.tuple(bot, fc.string());
    fc.assert(
      fc.property(conversation, conversation, (one, other) => {
        const [a, b] = [one, other].map(([bot, id]) =>
          conversationOf(said('x', undefined, id, bot)),
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

  it('is absent where it has none, or is invalid', () => {
    expect(conversationOf(eventOf({ Type: 1 }))).toBeUndefined();
    expect(
      conversationOf(invalidOf({ Type: 'x', ConversationId: 'c1' })),
    ).toBeUndefined();
  });

  it('may have an empty id', () => {
    expect(conversationOf(said('x', undefined, ''))).toBeDefined();
  });
});
