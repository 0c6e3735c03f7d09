import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBodyMask, maskWords } from '../../../lib/cli/mask-body.js';
import { xeniooEntry } from '../../../lib/simulator/xenioo-entry.js';
import { anyEntryText, anyJsonText } from '../../support/any-json.js';

const mask = createBodyMask('s3cret');

/** Masks a body. */
const maskParsed = (body: unknown): unknown =>
  JSON.parse(mask(JSON.stringify(body)));

/** Words of a person: at least three letters or digits that no mask uses. */
const word = fc
  .stringMatching(/^[a-wyzA-WYZ1-9äßéøжщ渡辺ա]{3,12}$/)
  .filter(word => !/^(true|false|null)$/.test(word));

describe('createBodyMask() on an entry', () => {
  it('keeps the fields that describe the event', () => {
    const entry = {
      Type: 0,
      ItemType: 'Text',
      ItemSubType: 'Button',
      Date: '2019-07-10T15:47:58.5750058+00:00',
      BotToken: 'a5Gf-77',
      Channel: 'TelegramChannel',
    };

    expect(maskParsed(entry)).toEqual(entry);
  });

  it("masks people's words", () => {
    expect(
      maskParsed({
        Type: 1,
        Data: 'Call me: +39 06 1234!',
        UserName: 'Ada Lovelace',
        AccountName: 'Matelab Srl',
        Text: 'what?',
      }),
    ).toEqual({
      Type: 1,
      Data: 'Xxxx xx: +00 00 0000!',
      UserName: 'Xxx Xxxxxxxx',
      AccountName: 'Xxxxxxx Xxx',
      Text: 'xxxx?',
    });
  });

  it('masks variables and keeps their names and structure', () => {
    expect(
      maskParsed({
        Type: 1,
        city: 'Rome',
        age: 42,
        member: true,
        nothing: null,
        order: { item: 'Shoes', sizes: [41, '42'], gift: false },
      }),
    ).toEqual({
      Type: 1,
      city: 'Xxxx',
      age: 10,
      member: true,
      nothing: null,
      order: { xxxx: 'Xxxxx', xxxxx: [10, '00'], 'xxxx~2': false },
    });
  });

  it('keeps Name and Key only for intents and entities', () => {
    const names = { Name: 'Order status', Key: 'order-status' };

    expect(maskParsed({ Type: 3, ...names })).toEqual({ Type: 3, ...names });
    expect(maskParsed({ ...names, Type: 6 })).toEqual({ ...names, Type: 6 });
    expect(maskParsed({ Type: 1, Name: 'Ada' })).toEqual({
      Type: 1,
      Name: 'Xxx',
    });
  });

  it('masks a field of an undocumented kind', () => {
    expect(
      maskParsed({
        Type: 'ask Ada',
        Data: { text: 'Ada' },
        Channel: ['Ada'],
        BotToken: 1234,
        Date: 'on Monday',
        ConversationId: 77,
      }),
    ).toEqual({
      Type: 'xxx Xxx',
      Data: { xxxx: 'Xxx' },
      Channel: ['Xxx'],
      BotToken: 1000,
      Date: 'xx Xxxxxx',
      ConversationId: 10,
    });
  });

  it('keeps null, empty texts and missing fields', () => {
    const entry = { Type: 1, Data: null, UserName: '', ConversationId: '' };

    expect(maskParsed(entry)).toEqual(entry);
    expect(maskParsed({})).toEqual({});
  });

  it('masks the secret in kept texts', () => {
    expect(maskParsed({ Type: 0, Channel: 'a s3cret one' })).toEqual({
      Type: 0,
      Channel: 'a ******** one',
    });
  });

  it('keeps names distinct that would become equal', () => {
    const people = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [
        String.fromCharCode(97 + (index % 26)).repeat(3) +
          (index > 25 ? 'a' : ''),
        index,
      ]),
    );

    const { seen } = maskParsed({ Type: 1, seen: people }) as { seen: object };

    expect(Object.keys(seen)).toHaveLength(30);
  });

  it('keeps many names of one length distinct', () => {
    const people = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, index) => [`p${1e6 + index}`, 1]),
    );

    const { seen } = maskParsed({ Type: 1, seen: people }) as { seen: object };

    expect(Object.keys(seen)).toHaveLength(20_000);
  });

  it('masks the whole body if it is nested too deeply', () => {
    const text = `{"Type":1,"v":${'[{"ada":'.repeat(50_000)}"Ada"${'}]'.repeat(50_000)}}`;

    expect(mask(text)).not.toMatch(/ada|Ada/);
  });

  it('keeps a field named __proto__', () => {
    const text = '{"Type":1,"__proto__":{"__proto__":"Ada"}}';

    expect(mask(text)).toBe('{"Type":1,"__proto__":{"__xxxxx__":"Xxx"}}');
  });
});

describe('createBodyMask() on a ConversationId', () => {
  it('uses one pseudonym within a recording', () => {
    const [a, b, other] = maskParsed([
      { Type: 1, ConversationId: 'ada-1' },
      { Type: 0, ConversationId: 'ada-1' },
      { Type: 1, ConversationId: 'bob-1' },
    ]) as { ConversationId: string }[];

    expect(a!.ConversationId).toMatch(/^conversation-[\da-f]{24}$/);
    expect(b!.ConversationId).toBe(a!.ConversationId);
    expect(other!.ConversationId).not.toBe(a!.ConversationId);
  });

  it('uses another pseudonym in the next recording', () => {
    const body = JSON.stringify({ Type: 1, ConversationId: 'ada-1' });

    expect(createBodyMask('s3cret')(body)).not.toBe(mask(body));
  });
});

describe('createBodyMask()', () => {
  it('keeps the number of entries', () => {
    expect(maskParsed([])).toEqual([]);
    expect(maskParsed([{ Type: 8 }, 'Ada', ['Ada'], null])).toEqual([
      { Type: 8 },
      'Xxx',
      ['Xxx'],
      null,
    ]);
    expect(maskParsed('Ada')).toBe('Xxx');
    expect(maskParsed(12)).toBe(10);
  });

  it('removes every word', () => {
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 8, maxLength: 8 }),
        fc.boolean(),
        ([a, b, c, d, e, f, g, h], isGroup) => {
          const entry = {
            ...xeniooEntry.userMessage({ Data: `${a}! ${b}`, UserName: c }),
            AccountName: d,
            Text: e,
            variable: { [f!]: [g, { x: `${h}, ${a}` }] },
            Name: b,
            Date: `${c} o'clock`,
            Type: [d],
          };
          const text = mask(JSON.stringify(isGroup ? [entry] : entry));
          const found = [a, b, c, d, e, f, g, h].filter(word =>
            text.replaceAll(/conversation-[\da-f]+/g, '').includes(word!),
          );
          expect(found.filter(word => !KEPT_TEXTS.includes(word!))).toEqual([]);
        },
      ),
    );
  });

  it('keeps the structure of JSON', () => {
    fc.assert(
      fc.property(fc.oneof(anyJsonText, anyEntryText), text => {
        const again = mask(text);
        // JavaScript parses 1e999 as Infinity and serializes it as null.
        const plain = JSON.stringify(JSON.parse(text));
        expect(shapeOf(JSON.parse(again))).toEqual(shapeOf(JSON.parse(plain)));
      }),
    );
  });

  it('masks the whole body if it is not JSON', () => {
    expect(mask('{"Type":1,"Data":"Hello Ad')).toBe(
      '{"Xxxx":0,"Xxxx":"Xxxxx Xx',
    );
  });
});

/** Texts and names that masking keeps in every entry. */
const KEPT_TEXTS = JSON.stringify(
  xeniooEntry.userMessage({ Data: '', UserName: '' }),
);

/** Returns the value with each leaf replaced by its kind, and with sorted members, since masked names may change their order. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return {
    members: Object.values(value)
      .map(member => JSON.stringify(shapeOf(member)))
      .toSorted(),
  };
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.lorem({ mode: 'sentences' }),
);

describe('maskWords()', () => {
  it.each([
    ['Hello there, Ada!', 'Xxxxx xxxxx, Xxx!'],
    ['+49 (170) 123-45', '+00 (000) 000-00'],
    ['Grüße an Jürgen ß', 'Xxxxx xx Xxxxxx x'],
    ['渡辺 恵。٣', 'xx x。0'],
    ['Олена', 'Xxxxx'],
    // The mark is a vowel in this script.
    ['नमस्ते', 'xxxxxx'],
    ['e\u0301', 'xx'],
    ['ǅ', 'X'],
    ['a\n\tb c', 'x\n\tx x'],
    ['', ''],
  ])('masks %j as %j', (text, masked) => {
    expect(maskWords(text)).toBe(masked);
  });

  it.each([
    ['nice 😕 day', 'xxxx 🙂 xxx'],
    ['👍🏽', '🙂🙂'],
    ['❤️', '🙂\uFE0F'],
    ['🇮🇹', '🙂🙂'],
    ['ⒶⒹⒶ', '🙂🙂🙂'],
    // Invisible tag characters can contain a text, too.
    ['\u{E0041}\u{E0064}', 'xx'],
  ])('masks emojis: %j as %j', (text, masked) => {
    expect(maskWords(text)).toBe(masked);
  });

  it('keeps the length, spaces and punctuation', () => {
    const keptCharactersOf = (text: string) =>
      Array.from(text, character =>
        /[\p{P}\p{Z}\p{Cc}]/u.test(character) &&
        !/\p{Extended_Pictographic}/u.test(character)
          ? character
          : '',
      );
    fc.assert(
      fc.property(anyText, text => {
        expect(keptCharactersOf(maskWords(text))).toEqual(
          keptCharactersOf(text),
        );
      }),
    );
  });

  it('keeps no letter or digit', () => {
    fc.assert(
      fc.property(anyText, text => {
        expect(maskWords(text)).not.toMatch(
          /[^\P{L}xX]|[^\P{N}0]|\p{M}(?<!\p{Variation_Selector})/u,
        );
      }),
    );
  });

  it('is idempotent', () => {
    fc.assert(
      fc.property(anyText, text => {
        expect(maskWords(maskWords(text))).toBe(maskWords(text));
      }),
    );
  });
});
