import { describe, expect, it } from 'vitest';
import {
  UnknownXeniooEvent,
  UserMessageEvent,
} from '../../../lib/events/xenioo.events.js';
import { parseEntry } from '../../../lib/events/parse-entry.js';
import {
  eventOf,
  invalidOf,
  entryOf,
  createReceipt,
} from '../../support/entry-of.js';

const json = (text: string): unknown => JSON.parse(text);

describe('an event', () => {
  const ENTRY = {
    Type: 1,
    Data: 'Hello there!',
    Date: '2019-07-10T15:47:58.5750058+00:00',
    city: 'Rome',
  };

  it('knows whose secret was sent, and when', () => {
    const from = createReceipt({ name: 'support' });
    const event = parseEntry({ ...ENTRY }, from, { index: 0, text: () => '' });

    expect(event).toMatchObject({ bot: 'support' });
    expect(event.receivedAt).toBe(from.receivedAt);
  });

  it('has an id, a type and the type in words', () => {
    const event = eventOf({ ...ENTRY });

    expect(event).toBeInstanceOf(UserMessageEvent);
    expect(event).toMatchObject({ type: 1, typeName: 'user-message' });
    expect(event.id).toBe(eventOf({ ...ENTRY }).id);
  });

  it('has the same id with other variables, and with null for an absent field', () => {
    const again = { ...ENTRY, city: 'Milan', Channel: null };

    expect(eventOf(again).id).toBe(eventOf({ ...ENTRY }).id);
  });

  it('has another id with another text', () => {
    expect(eventOf({ ...ENTRY, Data: 'Hi' }).id).not.toBe(
      eventOf({ ...ENTRY }).id,
    );
  });

  it('has an id of its own where its date is null', () => {
    const entry = { ...ENTRY, Date: null };

    expect(eventOf(entry).id).not.toBe(eventOf(entry).id);
  });

  it('keeps the entry as it came', () => {
    const entry = { ...ENTRY, Channel: null };
    const { raw } = eventOf(entry);

    expect(raw).toBe(entry);
    expect(raw).toEqual({ ...ENTRY, Channel: null });
  });

  it('is frozen, since handlers share it', () => {
    const event = eventOf({ ...ENTRY, cart: { items: [{ id: 1 }] } });
    const cart = event.variables['cart'] as { items: object[] };

    for (const shared of [
      event,
      event.raw,
      event.variables,
      cart,
      cart.items,
      cart.items[0],
    ]) {
      expect(Object.isFrozen(shared)).toBe(true);
    }
  });
});

describe('variables', () => {
  it('are all fields that are not documented, untouched', () => {
    const { variables } = eventOf({
      Type: 8,
      city: 'Rome',
      age: 42,
      gone: null,
      data: 'lower case',
      id: 'x',
      type: 5,
      raw: [],
    });

    expect(variables).toEqual({
      city: 'Rome',
      age: 42,
      gone: null,
      data: 'lower case',
      id: 'x',
      type: 5,
      raw: [],
    });
  });

  it('change nothing of the event', () => {
    expect(
      eventOf({ Type: 8, id: 'x', type: 5, text: 'x', bot: 'x', raw: 1 }),
    ).toMatchObject({ type: 8, bot: 'default', raw: { Type: 8 } });
    expect(eventOf({ Type: 1, text: 'x' })).not.toHaveProperty('text');
  });

  it('are safe against __proto__', () => {
    const event = eventOf(
      json('{"Type":1,"__proto__":{"text":"x"},"constructor":{"name":"y"}}'),
    );

    expect(event).toBeInstanceOf(UserMessageEvent);
    expect(event).not.toHaveProperty('text');
    expect(Object.getPrototypeOf(event.variables)).toBe(Object.prototype);
    expect(Object.entries(event.variables)).toEqual([
      ['__proto__', { text: 'x' }],
      ['constructor', { name: 'y' }],
    ]);
    expect({}).not.toHaveProperty('text');
  });
});

describe('a type', () => {
  it.each([14, 99, Number.MAX_SAFE_INTEGER])(
    'that nobody knows yet is an event: %o',
    Type => {
      const event = eventOf({ Type, Data: 'new', BotToken: 't' });

      expect(event).toBeInstanceOf(UnknownXeniooEvent);
      expect(event).toMatchObject({
        type: Type,
        typeName: 'unknown',
        botToken: 't',
        raw: { Data: 'new' },
      });
    },
  );

  it.each([
    ['nothing', undefined],
    ['nothing', null],
    ['a string', '1'],
    ['an empty string', ''],
    ['a boolean', true],
    ['an empty list', []],
    ['a list', [1]],
    ['an object', {}],
    ['another number', -1],
    ['another number', 1.5],
    ['another number', 2 ** 53],
    ['another number', Infinity],
  ])('that is %s is invalid: %o', (kind, Type) => {
    expect(invalidOf({ Type })).toMatchObject({
      reason: 'invalid-fields',
      errors: [
        `entry 0: Type must be a non-negative safe integer, got ${kind}`,
      ],
      raw: { Type },
    });
  });
});

describe('an entry that is no object', () => {
  it.each([
    [null, 'null'],
    ['Hello', 'a string'],
    ['', 'an empty string'],
    [1, 'a number'],
    [false, 'a boolean'],
    [[], 'an empty list'],
    [[{ Type: 1 }], 'a list'],
  ])('is not an event: %o', (entry, kind) => {
    expect(invalidOf(entry)).toMatchObject({
      reason: 'not-an-event',
      errors: [`entry 0: must be an object, got ${kind}`],
      raw: entry,
    });
  });
});

describe('a field of the wrong kind', () => {
  it.each([
    'BotToken',
    'AccountName',
    'ConversationId',
    'UserName',
    'Channel',
    'Data',
  ])('makes the entry invalid, and is not shown: %s', field => {
    for (const value of [5, ['Anna'], { of: 'Anna' }, false]) {
      const invalid = invalidOf({ Type: 1, [field]: value });

      expect(invalid).toMatchObject({ reason: 'invalid-fields' });
      expect(invalid.errors).toEqual([
        expect.stringMatching(`^entry 0: ${field} must be a string, got a`),
      ]);
      expect(invalid.errors.join()).not.toContain('Anna');
    }
  });

  it.each([
    '{"constructor":"Anna"}',
    '{"constructor":{"name":"Anna"}}',
    '{"constructor":null}',
    '{"__proto__":null}',
    '{"then":{}}',
    '{"nested":{"constructor":1}}',
    '[{"constructor":[]}]',
  ])('is invalid even if its own fields are hostile: %s', value => {
    for (const field of ['Data', 'BotToken', 'Date']) {
      const entry = json(`{"Type":1,"${field}":${value}}`);

      expect(invalidOf(entry)).toMatchObject({
        reason: 'invalid-fields',
        errors: [expect.stringMatching(`^entry 0: ${field} must be`)],
      });
    }
  });

  it('is told with every other', () => {
    const errors = invalidOf({ Type: 1, BotToken: 1, Date: 2, Data: 3 }).errors;

    expect(errors).toHaveLength(3);
  });

  it('is told by the place of its entry', () => {
    const entry = { Type: 1, BotToken: 42 };
    const place = { index: 17, text: () => '' };

    expect(parseEntry(entry, createReceipt(), place)).toHaveProperty('errors', [
      'entry 17: BotToken must be a string, got a number',
    ]);
  });
});

describe('nesting', () => {
  const nested = (levels: number) =>
    `{"Type":8,"x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;

  it('may be 100 levels deep', () => {
    expect(entryOf(json(nested(100)))).toHaveProperty('type', 8);
  });

  it('is invalid beyond, and kept as text', () => {
    const text = nested(101);

    expect(invalidOf(json(text))).toMatchObject({
      reason: 'invalid-fields',
      errors: ['entry 0: must not be nested deeper than 100 levels'],
      raw: text,
    });
  });
});

describe('a token', () => {
  const BOT = { name: 'support', token: 't1' };

  it('of the bot whose secret was sent is welcome', () => {
    expect(eventOf({ Type: 8, BotToken: 't1' }, BOT).bot).toBe('support');
  });

  it.each([{}, { BotToken: null }])('may be absent: %o', fields => {
    expect(eventOf({ Type: 8, ...fields }, BOT).bot).toBe('support');
  });

  it('of another bot, or of nobody, makes the entry foreign, and is not shown', () => {
    for (const BotToken of ['t2', 'T1', 't1 ', '']) {
      expect(invalidOf({ Type: 8, BotToken }, BOT)).toMatchObject({
        reason: 'foreign-bot',
        errors: [
          'entry 0: BotToken belongs to another bot than the API Secret',
        ],
        raw: { Type: 8, BotToken },
        bot: 'support',
      });
    }
  });

  it('may be any where no token is configured', () => {
    expect(eventOf({ Type: 8, BotToken: 'any' }).botToken).toBe('any');
  });
});
