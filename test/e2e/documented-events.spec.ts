import { Module } from '@nestjs/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  BotMessageEvent,
  ConversationErrorEvent,
  EntityDeletedEvent,
  EntityUpdatedEvent,
  FallbackEvent,
  HandOverEvent,
  IntentDeletedEvent,
  IntentUpdatedEvent,
  TakeOverEvent,
  UnknownXeniooEvent,
  UnmatchedMessageEvent,
  UserConnectedEvent,
  UserMessageEvent,
  UserReturnedEvent,
  WrongReplyEvent,
  XeniooModule,
  type XeniooOptions,
  type XeniooOptionsFactory,
} from '../../lib/index.js';
import documented from '../fixtures/documented.json' with { type: 'json' };
import everyType from '../fixtures/every-type.json' with { type: 'json' };
import {
  dispatched,
  idle,
  senderFor,
  xeniooEntry,
} from '../../lib/testing/index.js';
import { CatchAllHandlers } from '../support/start-webhook-host.js';
import { startHost, type AdapterName } from '../support/host-app.js';

/** The examples are sent twice: one by one, then as an array. */
const OPTIONS: XeniooOptions = { secret: 'right-secret', dedupe: false };

class Factory implements XeniooOptionsFactory {
  createXeniooOptions() {
    return OPTIONS;
  }
}

@Module({ providers: [Factory], exports: [Factory] })
class FactoryModule {}

const FORMS = {
  forRoot: () => XeniooModule.forRoot(OPTIONS),
  'forRootAsync with useFactory': () =>
    XeniooModule.forRootAsync({ useFactory: async () => OPTIONS }),
  'forRootAsync with useClass': () =>
    XeniooModule.forRootAsync({ useClass: Factory }),
  'forRootAsync with useExisting': () =>
    XeniooModule.forRootAsync({
      imports: [FactoryModule],
      useExisting: Factory,
    }),
};

const CLASSES = [
  BotMessageEvent,
  UserMessageEvent,
  ConversationErrorEvent,
  IntentUpdatedEvent,
  IntentDeletedEvent,
  EntityUpdatedEvent,
  EntityDeletedEvent,
  UnmatchedMessageEvent,
  UserConnectedEvent,
  UserReturnedEvent,
  TakeOverEvent,
  HandOverEvent,
  FallbackEvent,
  WrongReplyEvent,
];

async function start(
  adapter: AdapterName,
  form: keyof typeof FORMS = 'forRoot',
) {
  const { app } = await startHost(adapter, {
    imports: [FORMS[form]()],
    providers: [CatchAllHandlers],
  });
  const sender = await senderFor(app);
  onTestFinished(() => sender.close());
  const send = async (body: unknown) => {
    expect(await sender.call(body)).toMatchObject({ status: 200, body: '' });
    await idle(app);
  };
  return {
    send,
    saved: () =>
      dispatched(app, 'CatchAllHandlers.save').map(({ event }) => event),
    quarantined: () => app.get(CatchAllHandlers).invalid,
  };
}

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  describe.each(Object.keys(FORMS) as (keyof typeof FORMS)[])(
    'configured by %s',
    form => {
      it('parses the documented examples, as objects and as an array', async () => {
        const { send, saved, quarantined } = await start(adapter, form);

        for (const body of [...documented, documented]) await send(body);

        expect(quarantined()).toEqual([]);
        const alone = saved().slice(0, 4);
        const together = saved().slice(4);
        // The dates put the message of the user first.
        const conversation = together.filter(event => event.conversationId);
        expect(conversation.map(({ type }) => type)).toEqual([1, 0]);
        const grouped = together.toSorted((a, b) => a.type - b.type);
        for (const [bot, user, intent, unmatched] of [alone, grouped]) {
          expect(bot).toBeInstanceOf(BotMessageEvent);
          expect(bot).toMatchObject({
            type: 0,
            typeName: 'bot-message',
            itemType: 'Text',
            text: "Hey you, I'm your chatbot!",
            date: new Date('2019-07-10T15:47:58.580Z'),
            botToken: '...',
            accountName: 'Matelab Srl',
            conversationId: '...',
            userName: 'conversation user name',
            channel: 'TelegramChannel',
            bot: 'default',
            variables: {},
            raw: documented[0],
          });
          expect(user).toBeInstanceOf(UserMessageEvent);
          expect(user).toMatchObject({ type: 1, text: 'Hello there!' });
          expect(user!.date).toEqual(new Date('2019-07-10T15:47:58.575Z'));
          expect(user!.raw['Date']).toBe('2019-07-10T15:47:58.5750058+00:00');
          expect(intent).toBeInstanceOf(IntentUpdatedEvent);
          expect(intent).toMatchObject({
            name: 'Intent Name',
            key: 'Intent Key',
          });
          expect(unmatched).toBeInstanceOf(UnmatchedMessageEvent);
          expect(unmatched).toMatchObject({ text: 'Missed AI Text' });
        }
        const ids = (events: typeof alone) => events.map(({ id }) => id);
        expect(ids(grouped).slice(0, 2)).toEqual(ids(alone).slice(0, 2));
        expect(ids(grouped)[2]).not.toBe(ids(alone)[2]);
      });
    },
  );

  it('gives each of the 14 types a class of its own', async () => {
    const { send, saved } = await start(adapter);

    await send(everyType);

    expect(saved().map(event => event.constructor)).toEqual(CLASSES);
    expect(saved().map(({ type }) => type)).toEqual([...everyType.keys()]);
  });

  it('passes an unknown type to the handlers of all events', async () => {
    const { send, saved } = await start(adapter);
    const entry = xeniooEntry.unknown({ Type: 99, Data: 'new' });

    await send(entry);

    const [event] = saved();
    expect(event).toBeInstanceOf(UnknownXeniooEvent);
    expect(event).toMatchObject({ type: 99, typeName: 'unknown', raw: entry });
  });

  it('keeps extra fields as variables and treats null as absent', async () => {
    const { send, saved } = await start(adapter);

    await send(
      '{"Type":1,"Data":null,"Channel":null,"city":"Rome","cart":{"items":[1]},"__proto__":{"isAdmin":true}}',
    );

    const [event] = saved();
    expect(event).toBeInstanceOf(UserMessageEvent);
    expect(event).not.toHaveProperty('text');
    expect(event).not.toHaveProperty('channel');
    expect(event).not.toHaveProperty('isAdmin');
    expect(Object.entries(event!.variables)).toEqual([
      ['city', 'Rome'],
      ['cart', { items: [1] }],
      ['__proto__', { isAdmin: true }],
    ]);
    expect(Object.getPrototypeOf(event!.variables)).toBe(Object.prototype);
  });

  it('freezes the event that handlers share', async () => {
    const { send, saved } = await start(adapter);

    await send(xeniooEntry.userMessage({ cart: { items: [{ id: 1 }] } }));

    const [event] = saved() as [UserMessageEvent];
    const cart = event.variables['cart'] as { items: object[] };
    for (const shared of [event, event.variables, event.raw, cart.items[0]]) {
      expect(Object.isFrozen(shared)).toBe(true);
    }
  });

  it('quarantines invalid entries and processes the others', async () => {
    const { send, saved, quarantined } = await start(adapter);
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;

    const bodies = [
      '',
      '{"Type":1,"Data":"Hel',
      '"just text"',
      '[3, {"Type":1}, null, {"Type":"1"}, {"Type":-1}, {}]',
      '{"Type":1,"BotToken":42,"Date":"2009-W01-1"}',
      '{"Type":7,"Text":null}',
      '{"Type":5}',
      `[{"Type":1,"x":"]"},{"Type":1,"deep":${deep}}]`,
    ];
    for (const body of bodies) await send(body);

    expect(saved()).toHaveLength(2);
    expect(
      quarantined().map(({ reason, errors, raw }) => [reason, ...errors, raw]),
    ).toEqual([
      ['not-json', 'the body is empty', ''],
      [
        'not-json',
        'the body is not valid JSON: it ends too early, after 21 characters',
        '{"Type":1,"Data":"Hel',
      ],
      ['not-an-event', 'entry 0: must be an object, got a string', 'just text'],
      ['not-an-event', 'entry 0: must be an object, got a number', 3],
      ['not-an-event', 'entry 2: must be an object, got null', null],
      [
        'invalid-fields',
        'entry 3: Type must be a non-negative safe integer, got a string',
        { Type: '1' },
      ],
      [
        'invalid-fields',
        'entry 4: Type must be a non-negative safe integer, got another number',
        { Type: -1 },
      ],
      [
        'invalid-fields',
        'entry 5: Type must be a non-negative safe integer, got nothing',
        {},
      ],
      [
        'invalid-fields',
        'entry 0: BotToken must be a string, got a number',
        'entry 0: Date must be a valid ISO 8601 date, got a string',
        { Type: 1, BotToken: 42, Date: '2009-W01-1' },
      ],
      [
        'invalid-fields',
        'entry 0: Text must be a string, got nothing',
        { Type: 7, Text: null },
      ],
      ['invalid-fields', 'entry 0: Name or Key is required', { Type: 5 }],
      [
        'invalid-fields',
        'entry 1: must not be nested deeper than 100 levels',
        `{"Type":1,"deep":${deep}}`,
      ],
    ]);
  });
});
