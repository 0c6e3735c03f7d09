import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { XeniooEventType } from 'nestjs-xenioo';
import {
  deliver,
  dispatched,
  idle,
  overrideXenioo,
  received,
  xeniooConversation,
  xeniooEntry,
  xeniooGroup,
  xeniooTraffic,
} from 'nestjs-xenioo/testing';
import { AppModule } from '../src/app.module.js';
import { Customers } from '../src/customers.js';

let app: INestApplication;

beforeEach(async () => {
  const testing = overrideXenioo(
    Test.createTestingModule({ imports: [AppModule] }),
    { secret: 'secret-of-the-tests' },
  );
  app = (await testing.compile()).createNestApplication();
  await app.init();
});

afterEach(() => app.close());

it('saves the text of a user message', async () => {
  await deliver(app, xeniooEntry.userMessage({ UserName: 'Ada', Data: 'Hi' }));
  await idle(app);
  expect(await app.get(Customers).messagesOf('Ada')).toEqual(['Hi']);
});

it('passes the variables of the bot to a handler', async () => {
  await deliver(app, xeniooEntry.userMessage({ city: 'Rome' }));
  await idle(app);

  const [message] = received(app, XeniooEventType.UserMessage);
  expect(message?.variables).toEqual({ city: 'Rome' });
});

it('receives the user messages of a conversation', async () => {
  const conversation = xeniooConversation({ turns: 5, takeOver: false });
  const written = conversation.filter(
    ({ Type }) => Type === XeniooEventType.UserMessage,
  );

  await deliver(app, conversation);
  await idle(app);

  const messages = received(app, XeniooEventType.UserMessage);
  expect(messages.map(({ text }) => text)).toEqual(
    written.map(({ Data }) => Data),
  );
});

it('runs the handlers of a conversation', async () => {
  await deliver(app, xeniooConversation({ turns: 1, fallback: false }));
  await idle(app);

  const runs = dispatched(app).map(({ handler, status }) => [handler, status]);
  expect(runs).toEqual([
    ['Crm.saveMessage', 'done'],
    ['Crm.noteTakeOver', 'done'],
    ['Crm.saveMessage', 'done'],
  ]);
  expect(dispatched(app, 'Crm.noteTakeOver')).toHaveLength(1);
});

it('accepts many entries in one call', async () => {
  const { calls } = await deliver(app, xeniooGroup(500), { grouped: 500 });
  await idle(app);

  expect(calls).toBe(1);
  expect(received(app)).toHaveLength(500);
});

it('handles an entry once when Xenioo sends it twice', async () => {
  const message = xeniooEntry.userMessage();

  await deliver(app, [message, message]);
  await idle(app);

  expect(received(app)).toHaveLength(2);
  expect(dispatched(app, 'Crm.saveMessage')).toHaveLength(1);
});

it('handles shuffled and repeated conversations', async () => {
  const traffic = [...xeniooTraffic({ conversations: 10 })];
  const written = traffic.filter(
    ({ Type }) => Type === XeniooEventType.UserMessage,
  );

  await deliver(app, traffic, {
    concurrency: 8,
    shuffled: true,
    repeated: 0.1,
  });
  await idle(app);

  expect(dispatched(app, 'Crm.saveMessage')).toHaveLength(written.length);
});
