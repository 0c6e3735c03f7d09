import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import {
  conversationOf,
  inOrderOfDate,
} from '../../../lib/inbox/in-order-of-date.js';
import documented from '../../fixtures/documented.json' with { type: 'json' };
import { eventOf, invalidOf, parsed } from '../../support/receipt.js';

const SECOND = '2019-07-10T15:47:58';

/** An event of a conversation, named by its text. */
const said = (text: string, date?: string, conversation = 'c1', bot = 'bot') =>
  eventOf(
    { Type: 1, Data: text, ConversationId: conversation, Date: date ?? null },
    { name: bot },
  );

const textsOf = (entries: readonly XeniooEntry[]) =>
  entries.map(({ raw }) => (raw as { Data: string }).Data);

const ordered = (...entries: XeniooEntry[]) => textsOf(inOrderOfDate(entries));

describe('entries of one conversation', () => {
  it('come in the order of their dates', () => {
    expect(
      ordered(
        said('third', `${SECOND}.9Z`),
        said('first', '2019-07-09T23:59:59Z'),
        said('second', `${SECOND}Z`),
      ),
    ).toEqual(['first', 'second', 'third']);
  });

  it('come so to the seventh digit of the second', () => {
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

  it('come so in documented examples, where the bot’s answer stands first', () => {
    const entries = documented.map(entry => parsed(entry));

    expect(inOrderOfDate(entries).map(({ raw }) => raw)).toEqual([
      documented[1],
      documented[0],
      documented[2],
      documented[3],
    ]);
  });

  it('come so whatever the offset', () => {
    expect(
      ordered(
        said('third', '2019-07-10T12:00:00.0000001Z'),
        said('second', '2019-07-10T14:00:00+02:00'),
        said('first', '2019-07-10T06:59:59.9999999-05:00'),
      ),
    ).toEqual(['first', 'second', 'third']);
  });

  it('of one date stay as they came', () => {
    expect(
      ordered(
        said('one', `${SECOND}.1000000Z`),
        said('two', `${SECOND}.1Z`),
        said('three', `${SECOND}.10+00:00`),
      ),
    ).toEqual(['one', 'two', 'three']);
  });

  it('keep their places where they have no date, and the others go around them', () => {
    expect(
      ordered(
        said('undated 1'),
        said('late', `${SECOND}.2Z`),
        said('undated 2'),
        said('early', `${SECOND}.1Z`),
        said('undated 3'),
      ),
    ).toEqual(['undated 1', 'early', 'undated 2', 'late', 'undated 3']);
  });
});

describe('entries of others', () => {
  it.each<[string, XeniooEntry]>([
    ['of another conversation', said('other', `${SECOND}.1Z`, 'c2')],
    ['of another bot', said('other', `${SECOND}.1Z`, 'c1', 'other bot')],
    [
      'of no conversation',
      eventOf({ Type: 1, Data: 'other', Date: `${SECOND}.1Z` }),
    ],
    [
      'that are invalid',
      invalidOf({ Data: 'other', ConversationId: 'c1', Date: `${SECOND}.1Z` }),
    ],
  ])('keep their places: %s', (_what, other) => {
    const late = said('late', `${SECOND}.9Z`);
    const early = said('early', `${SECOND}.2Z`);

    expect(ordered(late, other, early)).toEqual(['early', 'other', 'late']);
    expect(ordered(late, other)).toEqual(['late', 'other']);
  });
});

it('what was given is not changed', () => {
  const given = Object.freeze([
    said('late', `${SECOND}.9Z`),
    said('early', `${SECOND}.2Z`),
  ]);

  expect(textsOf(inOrderOfDate(given))).toEqual(['early', 'late']);
});

interface Sent {
  readonly conversation: string | undefined;
  readonly bot: string;
  /** In steps of 100 ns, the finest that the wire has. */
  readonly at: number | undefined;
  readonly offsetMinutes: number;
  readonly isValid: boolean;
}

const FROM = Date.UTC(2019, 6, 10, 15, 47, 58);

function wireDate({ at, offsetMinutes }: Sent): string | null {
  if (at === undefined) return null;
  const ms = FROM + Math.floor(at / 10_000) + offsetMinutes * 60_000;
  const finer = String(at % 10_000).padStart(4, '0');
  const sign = offsetMinutes < 0 ? '-' : '+';
  const minutes = Math.abs(offsetMinutes);
  const offset = [Math.floor(minutes / 60), minutes % 60]
    .map(part => String(part).padStart(2, '0'))
    .join(':');
  const digits = `${new Date(ms).toISOString().slice(0, -1)}${finer}`;
  return `${digits.replace(/\.?0+$/, '')}${sign}${offset}`;
}

function entryOf(sent: Sent, index: number): XeniooEntry {
  const wire = {
    Type: sent.isValid ? 1 : 'x',
    Data: String(index),
    ConversationId: sent.conversation ?? null,
    Date: wireDate(sent),
  };
  return parsed(wire, { name: sent.bot });
}

/** Swaps neighbours of a conversation while the first is the later one. */
function naively(all: readonly Sent[]): number[] {
  const places = all.map((_, index) => index);
  const isMoved = ({ conversation, at, isValid }: Sent) =>
    isValid && conversation !== undefined && at !== undefined;
  for (let changed = true; changed;) {
    changed = false;
    for (let one = 0; one < places.length; one++) {
      const first = all[places[one]!]!;
      if (!isMoved(first)) continue;
      const other = places.findIndex((place, index) => {
        const next = all[place]!;
        const isOfIt =
          next.conversation === first.conversation && next.bot === first.bot;
        return index > one && isMoved(next) && isOfIt;
      });
      if (other < 0 || all[places[other]!]!.at! >= first.at!) continue;
      [places[one], places[other]] = [places[other]!, places[one]!];
      changed = true;
    }
  }
  return places;
}

it('does what the naive way does, whatever came', () => {
  const sent: fc.Arbitrary<Sent> = fc.record({
    conversation: fc.constantFrom('c1', 'c2', undefined),
    bot: fc.constantFrom('support', 'shop'),
    at: fc.option(fc.nat({ max: 30_000 }), { nil: undefined }),
    offsetMinutes: fc.constantFrom(0, 60, -330, 14 * 60, -12 * 60),
    isValid: fc.nat(3).map(chance => chance > 0),
  });
  fc.assert(
    fc.property(fc.array(sent, { maxLength: 25 }), all => {
      const entries = all.map(entryOf);

      const places = inOrderOfDate(entries).map(entry =>
        entries.indexOf(entry),
      );

      expect(places.toSorted((a, b) => a - b)).toEqual([...all.keys()]);
      expect(places).toEqual(naively(all));
    }),
    { numRuns: 500 },
  );
});

describe('the conversation of an entry', () => {
  it('is that of its bot alone', () => {
    const one = conversationOf(said('x', undefined, 'c1', 'support'));

    expect(conversationOf(said('y', undefined, 'c1', 'support'))).toBe(one);
    expect(conversationOf(said('x', undefined, 'c1', 'shop'))).not.toBe(one);
    expect(conversationOf(said('x', undefined, 'c2', 'support'))).not.toBe(one);
  });

  it('can’t be made to look like another', () => {
    const texts = fc.tuple(fc.string(), fc.string());
    fc.assert(
      fc.property(texts, texts, (one, other) => {
        const [a, b] = [one, other].map(([bot, id]) =>
          conversationOf(said('x', undefined, id, bot)),
        );
        expect(a === b).toBe(one[0] === other[0] && one[1] === other[1]);
      }),
      {
        examples: [':', ',', '","', '\u0000'].map(between => [
          ['a', `b${between}c`],
          [`a${between}b`, 'c'],
        ]),
      },
    );
  });

  it('is none where it says none, or is invalid', () => {
    expect(conversationOf(eventOf({ Type: 1 }))).toBeUndefined();
    expect(
      conversationOf(invalidOf({ Type: 'x', ConversationId: 'c1' })),
    ).toBeUndefined();
  });

  it('may have an empty name', () => {
    expect(conversationOf(said('x', undefined, ''))).toBeDefined();
  });
});
