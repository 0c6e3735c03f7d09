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

describe('parseEntry()', () => {
  const ENTRY = {
    Type: 1,
    Data: 'Hello there!',
    Date: '2019-07-10T15:47:58.5750058+00:00',
    city: 'Rome',
  };

  it('sets the bot and the time of the delivery', () => {
    const from = createReceipt({ name: 'support' });
    const event = parseEntry({ ...ENTRY }, from, { index: 0, text: () => '' });

    expect(event).toMatchObject({ bot: 'support' });
    expect(event.receivedAt).toBe(from.receivedAt);
  });

  it('sets an id, a type and the name of the type', () => {
    const event = eventOf({ ...ENTRY });

    expect(event).toBeInstanceOf(UserMessageEvent);
    expect(event).toMatchObject({ type: 1, typeName: 'user-message' });
    expect(event.id).toBe(eventOf({ ...ENTRY }).id);
  });

  it('sets an id that ignores variables and null fields', () => {
    const again = { ...ENTRY, city: 'Milan', Channel: null };

    expect(eventOf(again).id).toBe(eventOf({ ...ENTRY }).id);
  });

  it('sets an id that depends on the text', () => {
    expect(eventOf({ ...ENTRY, Data: 'Hi' }).id).not.toBe(
      eventOf({ ...ENTRY }).id,
    );
  });

  it('sets a unique id when the date is null', () => {
    const entry = { ...ENTRY, Date: null };

    expect(eventOf(entry).id).not.toBe(eventOf(entry).id);
  });

  it('keeps the raw entry', () => {
    const entry = { ...ENTRY, Channel: null };
    const { raw } = eventOf(entry);

    expect(raw).toBe(entry);
    expect(raw).toEqual({ ...ENTRY, Channel: null });
  });

  it('freezes the event', () => {
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

describe('parseEntry() of variables', () => {
  it('keeps all undocumented fields unchanged', () => {
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

  it('prevents them from overriding properties of the event', () => {
    expect(
      eventOf({ Type: 8, id: 'x', type: 5, text: 'x', bot: 'x', raw: 1 }),
    ).toMatchObject({ type: 8, bot: 'default', raw: { Type: 8 } });
    expect(eventOf({ Type: 1, text: 'x' })).not.toHaveProperty('text');
  });

  it('keeps __proto__ and constructor as plain variables', () => {
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

describe('parseEntry() of the field Type', () => {
  it.each([14, 99, Number.MAX_SAFE_INTEGER])(
    'accepts the unknown type %o',
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
  ])('rejects %s: %o', (kind, Type) => {
    expect(invalidOf({ Type })).toMatchObject({
      reason: 'invalid-fields',
      errors: [
        `entry 0: Type must be a non-negative safe integer, got ${kind}`,
      ],
      raw: { Type },
    });
  });
});

describe('parseEntry() of a value that is not an object', () => {
  it.each([
    [null, 'null'],
    ['Hello', 'a string'],
    ['', 'an empty string'],
    [1, 'a number'],
    [false, 'a boolean'],
    [[], 'an empty list'],
    [[{ Type: 1 }], 'a list'],
  ])('rejects %o', (entry, kind) => {
    expect(invalidOf(entry)).toMatchObject({
      reason: 'not-an-event',
      errors: [`entry 0: must be an object, got ${kind}`],
      raw: entry,
    });
  });
});

describe('parseEntry() of an invalid field', () => {
  it.each([
    'BotToken',
    'AccountName',
    'ConversationId',
    'UserName',
    'Channel',
    'Data',
  ])('rejects the entry without showing the value of %s', field => {
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
  ])('rejects a field with hostile properties: %s', value => {
    for (const field of ['Data', 'BotToken', 'Date']) {
      const entry = json(`{"Type":1,"${field}":${value}}`);

      expect(invalidOf(entry)).toMatchObject({
        reason: 'invalid-fields',
        errors: [expect.stringMatching(`^entry 0: ${field} must be`)],
      });
    }
  });

  it('reports every invalid field', () => {
    const errors = invalidOf({ Type: 1, BotToken: 1, Date: 2, Data: 3 }).errors;

    expect(errors).toHaveLength(3);
  });

  it('reports the index of the entry', () => {
    const entry = { Type: 1, BotToken: 42 };
    const place = { index: 17, text: () => '' };

    expect(parseEntry(entry, createReceipt(), place)).toHaveProperty('errors', [
      'entry 17: BotToken must be a string, got a number',
    ]);
  });
});

describe('parseEntry() of a nested entry', () => {
  const nested = (levels: number) =>
    `{"Type":8,"x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;

  it('accepts 100 levels', () => {
    expect(entryOf(json(nested(100)))).toHaveProperty('type', 8);
  });

  it('rejects 101 levels and keeps the entry as text', () => {
    const text = nested(101);

    expect(invalidOf(json(text))).toMatchObject({
      reason: 'invalid-fields',
      errors: ['entry 0: must not be nested deeper than 100 levels'],
      raw: text,
    });
  });
});

describe('parseEntry() of a BotToken', () => {
  const BOT = { name: 'support', token: 't1' };

  it('accepts the token of the authenticated bot', () => {
    expect(eventOf({ Type: 8, BotToken: 't1' }, BOT).bot).toBe('support');
  });

  it.each([{}, { BotToken: null }])(
    'accepts an entry without a token: %o',
    fields => {
      expect(eventOf({ Type: 8, ...fields }, BOT).bot).toBe('support');
    },
  );

  it('rejects any other token without showing it', () => {
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

  it('accepts any token when the bot has none configured', () => {
    expect(eventOf({ Type: 8, BotToken: 'any' }).botToken).toBe('any');
  });
});
