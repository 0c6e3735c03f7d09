import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';
import { parseBody } from '../../../lib/events/parse-body.js';
import { XeniooEvent } from '../../../lib/events/xenioo.event.js';
import { restoreEntry, storeEntry } from '../../../lib/inbox/stored-entry.js';
import documented from '../../fixtures/documented.json' with { type: 'json' };
import everyType from '../../fixtures/every-type.json' with { type: 'json' };
import { anyEntryText, anyJsonText } from '../../support/any-json.js';
import { isSame } from '../../support/is-same.js';
import { eventOf, invalidOf, receipt } from '../../support/receipt.js';

const deep = `${'['.repeat(5_000)}-0${']'.repeat(5_000)}`;

/** What is given back that was stored. */
const again = (entry: XeniooEvent | InvalidXeniooEntry) =>
  restoreEntry(storeEntry(entry));

/** The entries of a body that are others when they were stored. */
function changed(text: string) {
  return [...parseBody(text, receipt({ name: 'support' }))].filter(entry => {
    const restored = again(entry);
    return !Object.isFrozen(restored) || !isSame(restored, entry);
  });
}

describe('an event', () => {
  it.each([...documented, ...everyType, { Type: 99 }])(
    'is the same that was stored: %o',
    entry => {
      expect(changed(JSON.stringify(entry))).toEqual([]);
    },
  );

  it('keeps the id that it got at receipt', () => {
    const event = eventOf({ Type: 1 });

    expect(again(event).id).toBe(event.id);
  });

  it('is of its bot, though that has another token now', () => {
    const event = eventOf(
      { Type: 1, BotToken: 'token-a' },
      { name: 'support', token: 'token-a' },
    );

    expect(again(event)).toStrictEqual(event);
  });

  it('is frozen through and through, and has nothing from a prototype', () => {
    const text =
      '{"Type":1,"__proto__":{"isAdmin":true},"cart":{"items":[{"id":1}]}}';
    expect(changed(text)).toEqual([]);
    const { variables, raw } = again(
      [...parseBody(text, receipt())][0]!,
    ) as XeniooEvent;
    const cart = raw['cart'] as { items: unknown };

    for (const shared of [variables, raw, cart, cart.items]) {
      expect(Object.isFrozen(shared)).toBe(true);
    }
  });

  it('that this version does not understand is invalid, with its id', () => {
    const text = storeEntry(eventOf({ Type: 7, Text: 'text' }));

    const entry = restoreEntry(text.replace('"Text"', '"Test"'));

    expect(entry).toBeInstanceOf(InvalidXeniooEntry);
    expect(entry).toMatchObject({
      id: (JSON.parse(text) as { id: string }).id,
      reason: 'invalid-fields',
      errors: ['entry 0: Text must be a string, got nothing'],
      raw: { Type: 7, Test: 'text' },
    });
  });
});

describe('an invalid entry', () => {
  it.each([
    ['', 'not-json'],
    ['{"Type":1,"Da', 'not-json'],
    ['broken \u0000 and \uD800', 'not-json'],
    ['"{\\"Type\\":1}"', 'not-an-event'],
    ['null', 'not-an-event'],
    ['[[]]', 'not-an-event'],
    ['{"Type":1e999}', 'invalid-fields'],
    ['{"Type":"1","raw":{"raw":-0}}', 'invalid-fields'],
    [`{"Type":1,"deep":${deep}}`, 'invalid-fields'],
    [`[{"Type":1,"deep":${deep}}]`, 'invalid-fields'],
  ])('is the same that was stored: %j', (text, reason) => {
    expect([...parseBody(text, receipt())][0]).toMatchObject({ reason });
    expect(changed(text)).toEqual([]);
  });

  it('stays as it was told, though its token is the right one now', () => {
    const foreign = invalidOf({ Type: 1, BotToken: 'b' }, { token: 'a' });

    expect(again(foreign)).toStrictEqual(foreign);
  });

  it('is frozen through and through', () => {
    const entry = again(invalidOf({ Type: 'x', a: [{}] }));
    const raw = entry.raw as { a: [object] };

    for (const shared of [entry, raw, raw.a, raw.a[0]]) {
      expect(Object.isFrozen(shared)).toBe(true);
    }
  });
});

it('whatever comes in a body is the same that was stored', () => {
  const body = fc.oneof(
    anyJsonText,
    anyEntryText,
    fc.array(anyEntryText, { maxLength: 4 }).map(all => `[${all.join(',')}]`),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(body, text => {
      expect(changed(text)).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});

it('what is stored is text that every encoding can hold', () => {
  fc.assert(
    fc.property(anyEntryText, text => {
      for (const entry of parseBody(text, receipt())) {
        const stored = storeEntry(entry);

        expect(Buffer.from(stored).toString()).toBe(stored);
        expect(stored).not.toContain('\u0000');
      }
    }),
  );
});
