import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallMask } from '../../../../lib/cli/record/call.mask.js';
import { xeniooEntry } from '../../../../lib/simulator/xenioo-entry.js';
import { anyEntryText, anyJsonText } from '../../../support/any-json.js';

const mask = new CallMask('s3cret');

/** What is left of a body. */
const masked = (body: unknown): unknown =>
  JSON.parse(mask.json(JSON.stringify(body)));

/** What a person may have written: three letters or digits at least, and not those that stand for all. */
const word = fc
  .stringMatching(/^[a-wyzA-WYZ1-9äßéøжщ渡辺ա]{3,12}$/)
  .filter(word => !/^(true|false|null)$/.test(word));

describe('an entry that is masked', () => {
  it('keeps what says what happened', () => {
    const entry = {
      Type: 0,
      ItemType: 'Text',
      ItemSubType: 'Button',
      Date: '2019-07-10T15:47:58.5750058+00:00',
      BotToken: 'a5Gf-77',
      Channel: 'TelegramChannel',
    };

    expect(masked(entry)).toEqual(entry);
  });

  it("loses people's words", () => {
    expect(
      masked({
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

  it('loses what is in variables, and keeps their names and their shape', () => {
    expect(
      masked({
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
      order: { xxxx: 'Xxxxx', xxxxx: [10, '00'], 'xxxx.': false },
    });
  });

  it('keeps Name and Key of intents and entities alone', () => {
    const names = { Name: 'Order status', Key: 'order-status' };

    expect(masked({ Type: 3, ...names })).toEqual({ Type: 3, ...names });
    expect(masked({ ...names, Type: 6 })).toEqual({ ...names, Type: 6 });
    expect(masked({ Type: 1, Name: 'Ada' })).toEqual({ Type: 1, Name: 'Xxx' });
  });

  it('masks what is in a field where something else belongs', () => {
    expect(
      masked({
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

  it('leaves null, empty texts and missing fields', () => {
    const entry = { Type: 1, Data: null, UserName: '', ConversationId: '' };

    expect(masked(entry)).toEqual(entry);
    expect(masked({})).toEqual({});
  });

  it('holds no secret where a text stays', () => {
    expect(masked({ Type: 0, Channel: 'a s3cret one' })).toEqual({
      Type: 0,
      Channel: 'a ******** one',
    });
  });

  it('keeps names apart that become the same', () => {
    const people = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [
        String.fromCharCode(97 + (index % 26)).repeat(3) +
          (index > 25 ? 'a' : ''),
        index,
      ]),
    );

    const { seen } = masked({ Type: 1, seen: people }) as { seen: object };

    expect(Object.keys(seen)).toHaveLength(30);
    expect(masked({ Type: 1, seen })).toEqual({ Type: 1, seen: masked(seen) });
  });

  it('takes no time over many names of one length', () => {
    const people = Object.fromEntries(
      Array.from({ length: 100_000 }, (_, index) => [`p${1e6 + index}`, 1]),
    );

    const { seen } = masked({ Type: 1, seen: people }) as { seen: object };

    expect(Object.keys(seen)).toHaveLength(100_000);
  });

  it('may be nested 5,000 levels deep', () => {
    const text = `{"Type":1,"v":${'[{"ada":'.repeat(5_000)}"Ada"${'}]'.repeat(5_000)}}`;

    expect(mask.json(text)).toBe(
      text.replaceAll('ada', 'xxx').replace('Ada', 'Xxx'),
    );
  });

  it('keeps a field called __proto__', () => {
    const text = '{"Type":1,"__proto__":{"__proto__":"Ada"}}';

    expect(mask.json(text)).toBe('{"Type":1,"__proto__":{"__xxxxx__":"Xxx"}}');
  });
});

describe('a conversation that is masked', () => {
  it('has one pseudonym within a recording', () => {
    const [a, b, other] = masked([
      { Type: 1, ConversationId: 'ada-1' },
      { Type: 0, ConversationId: 'ada-1' },
      { Type: 1, ConversationId: 'bob-1' },
    ]) as { ConversationId: string }[];

    expect(a!.ConversationId).toMatch(/^conversation-[\da-f]{24}$/);
    expect(b!.ConversationId).toBe(a!.ConversationId);
    expect(other!.ConversationId).not.toBe(a!.ConversationId);
  });

  it('has another one in the next', () => {
    const body = JSON.stringify({ Type: 1, ConversationId: 'ada-1' });

    expect(new CallMask('s3cret').json(body)).not.toBe(mask.json(body));
  });
});

describe('a call that is masked', () => {
  it('holds as many entries', () => {
    expect(masked([])).toEqual([]);
    expect(masked([{ Type: 8 }, 'Ada', ['Ada'], null])).toEqual([
      { Type: 8 },
      'Xxx',
      ['Xxx'],
      null,
    ]);
    expect(masked('Ada')).toBe('Xxx');
    expect(masked(12)).toBe(10);
  });

  it('holds none of the words that were in it', () => {
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
          const text = mask.json(JSON.stringify(isGroup ? [entry] : entry));
          const found = [a, b, c, d, e, f, g, h].filter(word =>
            text.replaceAll(/conversation-[\da-f]+/g, '').includes(word!),
          );
          expect(found.filter(word => !STAYS.includes(word!))).toEqual([]);
        },
      ),
    );
  });

  it('is JSON of the same structure', () => {
    fc.assert(
      fc.property(fc.oneof(anyJsonText, anyEntryText), text => {
        const again = mask.json(text);
        expect(shapeOf(JSON.parse(again))).toEqual(shapeOf(JSON.parse(text)));
      }),
    );
  });

  it('stays as it is when it is masked again, but for pseudonyms', () => {
    fc.assert(
      fc.property(fc.oneof(anyJsonText, anyEntryText), text => {
        const once = mask.json(text);
        const twice = mask.json(once);
        const pseudonym = /conversation-[\da-f]{24}/g;
        expect(twice.replaceAll(pseudonym, '')).toBe(
          once.replaceAll(pseudonym, ''),
        );
      }),
    );
  });

  it('is masked from end to end where it is no JSON', () => {
    expect(mask.text('{"Type":1,"Data":"Hello Ad')).toBe(
      '{"Xxxx":0,"Xxxx":"Xxxxx Xx',
    );
  });
});

/** Texts and names of the entry that are the same in each. */
const STAYS = JSON.stringify(
  xeniooEntry.userMessage({ Data: '', UserName: '' }),
);

/** Kinds of values in their places; members of an object in no order, which their masked names may change. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return {
    members: Object.values(value)
      .map(member => JSON.stringify(shapeOf(member)))
      .toSorted(),
  };
}
