import { inspect } from 'node:util';
import { instanceToPlain, plainToInstance } from 'class-transformer';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { eventId } from '../../../lib/events/wire-entry.js';
import {
  UserMessageEvent,
  XeniooEvent,
} from '../../../lib/events/xenioo.events.js';
import { XENIOO_EVENT_TABLE } from '../../../lib/events/xenioo-event.table.js';
import { eventOf, invalidOf } from '../../support/entry-of.js';

vi.mock('../../../lib/events/wire-entry.js', { spy: true });

beforeEach(() => {
  vi.mocked(eventId).mockClear();
});

const TYPES = [0, 1, 2, 8, 9, 10, 11, 12, 13, 99];

describe.each(TYPES)('XeniooEvent of type %i', Type => {
  it('has the properties that all events share', () => {
    const event = eventOf({
      Type,
      Date: '2019-07-10T15:47:58.5750058+02:00',
      BotToken: 't1',
      AccountName: 'Matelab Srl',
      ConversationId: 'c1',
      UserName: 'Anna',
      Channel: 'TelegramChannel',
    });

    expect(event).toBeInstanceOf(XeniooEvent);
    expect(event).toMatchObject({
      type: Type,
      date: new Date('2019-07-10T13:47:58.575Z'),
      botToken: 't1',
      accountName: 'Matelab Srl',
      conversationId: 'c1',
      userName: 'Anna',
      channel: 'TelegramChannel',
      variables: {},
    });
  });

  it('requires only its type', () => {
    const empty = {
      Type,
      Date: null,
      BotToken: null,
      AccountName: null,
      ConversationId: null,
      UserName: null,
      Channel: null,
    };

    for (const entry of [{ Type }, empty]) {
      expect(Object.keys(eventOf(entry)).toSorted()).toEqual([
        'bot',
        'raw',
        'receivedAt',
        'type',
        'typeName',
        'variables',
      ]);
    }
  });

  it.each([
    '2009-W01-1',
    '',
    1_562_773_678,
    `2019-07-10T00:00:00.${'0'.repeat(50)}Z`,
  ])('rejects the invalid date %o', date => {
    expect(invalidOf({ Type, Date: date })).toMatchObject({
      reason: 'invalid-fields',
      errors: [
        expect.stringMatching(/^entry 0: Date must be a valid ISO 8601 date/),
      ],
    });
  });
});

describe('XeniooEvent.id', () => {
  const DATED = { Type: 1, Data: 'Hello', Date: '2019-07-10T15:47:58Z' };

  it('is hashed once, when it is first read, if the event has a date', () => {
    const event = eventOf({ ...DATED });
    expect(eventId).not.toHaveBeenCalled();

    expect(event.id).toBe(event.id);
    expect(event.id).toBe(eventOf({ ...DATED }).id);
    expect(eventId).toHaveBeenCalledTimes(2);
  });

  it.each([{ Type: 1 }, { Type: 1, Date: null }])(
    'is unique without a date: %o',
    entry => {
      const event = eventOf(entry);

      expect(event.id).toBe(event.id);
      expect(event.id).not.toBe(eventOf({ ...entry }).id);
    },
  );

  it('is read-only', () => {
    const event = eventOf({ ...DATED }) as { id: string };
    const { id } = event;

    expect(() => (event.id = 'another')).toThrow(TypeError);
    expect(() => Object.defineProperty(event, 'id', { value: 'x' })).toThrow(
      TypeError,
    );
    expect(event.id).toBe(id);
  });

  it('ignores a field that is added to Object.prototype later', () => {
    const event = eventOf({ ...DATED });
    const { id } = eventOf({ ...DATED });
    Object.assign(Object.prototype, { Channel: 'polluted' });
    try {
      expect(event.id).toBe(id);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'Channel');
    }
  });
});

const ENTRY = {
  Type: 1,
  Data: 'Hello there!',
  ItemType: 'Text',
  Date: '2019-07-10T15:47:58.5750058+00:00',
  BotToken: 't1',
  AccountName: 'Matelab Srl',
  ConversationId: 'c1',
  UserName: 'Anna',
  Channel: 'TelegramChannel',
  city: 'Rome',
  cart: { items: [{ id: 1 }] },
};

/** JSON of the event as a client receives it. */
const PLAIN = {
  type: 1,
  typeName: 'user-message',
  text: 'Hello there!',
  itemType: 'Text',
  date: '2019-07-10T15:47:58.575Z',
  botToken: 't1',
  accountName: 'Matelab Srl',
  conversationId: 'c1',
  userName: 'Anna',
  channel: 'TelegramChannel',
  variables: { city: 'Rome', cart: { items: [{ id: 1 }] } },
  bot: 'default',
  receivedAt: '2024-05-01T12:00:00.000Z',
};

const HOSTILE = [
  '{"constructor":"x"}',
  '{"constructor":{"name":"x"}}',
  '{"constructor":null,"city":"Rome"}',
  '{"__proto__":{"isAdmin":true},"city":"Rome"}',
  '{"__proto__":null}',
  '{"a":{"constructor":1,"b":[{"__proto__":[],"constructor":{}}]}}',
  '{"then":{},"toJSON":1,"prototype":{},"length":5,"valueOf":"x"}',
];

describe('XeniooEvent with JSON.stringify()', () => {
  it('writes the properties with the id and without the raw entry', () => {
    const event = eventOf({ ...ENTRY });

    expect(JSON.parse(JSON.stringify(event))).toStrictEqual({
      ...PLAIN,
      id: event.id,
    });
  });

  it.each(HOSTILE)('writes variables with any key: %s', json => {
    const { Type } = ENTRY;
    const event = eventOf({ ...(JSON.parse(json) as object), Type });

    const own = JSON.parse(`{"Type":1,${json.slice(1)}`) as object;
    const { variables } = eventOf(own);
    expect(JSON.stringify(eventOf(own))).toContain(
      `"variables":${JSON.stringify(variables)}`,
    );
    expect(JSON.stringify(event)).toContain('"typeName":"user-message"');
  });
});

describe('XeniooEvent with ClassSerializerInterceptor', () => {
  /** Serializes like the interceptor and the platform. */
  const serialize = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(instanceToPlain(value)));

  it('writes the properties with the id and without the raw entry', () => {
    const event = eventOf({ ...ENTRY });

    expect(serialize(event)).toStrictEqual({ ...PLAIN, id: event.id });
    expect(serialize({ letters: [{ entry: event }] })).toStrictEqual({
      letters: [{ entry: { ...PLAIN, id: event.id } }],
    });
  });

  it.each(Object.entries(XENIOO_EVENT_TABLE))(
    'writes property names, not names on the wire, for type %s',
    Type => {
      const entry = {
        ...ENTRY,
        Type: Number(Type),
        Text: 'x',
        Name: 'n',
        Key: 'k',
      };
      const event = eventOf(entry);

      expect(serialize(event)).toStrictEqual(JSON.parse(JSON.stringify(event)));
    },
  );

  it.each(HOSTILE)('omits reserved keys of variables: %s', json => {
    const event = eventOf(JSON.parse(`{"Type":1,${json.slice(1)}`));
    const { variables } = serialize(event) as XeniooEvent;

    expect(JSON.stringify(variables)).not.toMatch(/constructor|__proto__/);
    expect(Object.getPrototypeOf(variables)).toBe(Object.prototype);
    expect(variables).toMatchObject(
      'city' in event.variables ? { city: 'Rome' } : {},
    );
  });
});

describe('XeniooEvent with class-transformer', () => {
  it('is created without the properties of a delivery', () => {
    const event = plainToInstance(
      UserMessageEvent,
      { Data: 'Hello', id: 'x', raw: {}, variables: {} },
      { excludeExtraneousValues: true, exposeUnsetFields: false },
    );

    expect(Object.entries(event)).toEqual([['text', 'Hello']]);
  });
});

it('XeniooEvent with util.inspect() shows the id and omits the raw entry', () => {
  const event = eventOf({ ...ENTRY });

  expect(inspect(event)).toContain(`id: '${event.id}'`);
  expect(inspect(event)).toContain("text: 'Hello there!'");
  expect(inspect(event)).not.toContain('raw');
});
