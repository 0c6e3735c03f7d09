import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { XeniooDeadLetters } from 'nestjs-xenioo';
import {
  deliver,
  dispatched,
  idle,
  overrideXenioo,
  senderFor,
  xeniooConversation,
  xeniooEntry,
} from 'nestjs-xenioo/testing';
import assert from 'node:assert/strict';
import { afterEach, beforeEach, it, mock } from 'node:test';
import { AppModule } from '../src/app.module.js';
import { Customers } from '../src/customers.js';

let app: INestApplication;

beforeEach(async () => {
  const testing = overrideXenioo(
    Test.createTestingModule({ imports: [AppModule] }),
    { secret: 'secret-of-the-tests', retry: { attempts: 2, delayMs: 1 } },
  );
  app = (await testing.compile()).createNestApplication();
  await app.init();
});

afterEach(() => app.close());

it('saves the text of a user message', async () => {
  const addMessage = mock.method(app.get(Customers), 'addMessage');

  await deliver(
    app,
    xeniooEntry.userMessage({ UserName: 'Ada', Data: 'Hello!' }),
  );
  await idle(app);

  assert.deepEqual(addMessage.mock.calls[0]?.arguments, ['Ada', 'Hello!']);
});

it('runs the handlers of a conversation', async () => {
  await deliver(app, xeniooConversation({ turns: 1, fallback: false }));
  await idle(app);

  assert.deepEqual(
    dispatched(app).map(({ handler, status }) => [handler, status]),
    [
      ['Crm.saveMessage', 'done'],
      ['Crm.noteTakeOver', 'done'],
      ['Crm.saveMessage', 'done'],
    ],
  );
});

it('stores a dead letter after the last attempt', async () => {
  mock.method(app.get(Customers), 'addMessage', () => {
    throw new Error('the database is down');
  });

  await deliver(app, xeniooEntry.userMessage());
  await idle(app);

  const [, last] = dispatched(app, 'Crm.saveMessage');
  assert.equal(last?.status, 'failed');
  const [letter] = await app.get(XeniooDeadLetters).list();
  assert.equal(letter?.error?.message, 'the database is down');
});

it('rejects a wrong secret', async () => {
  const sender = await senderFor(app, { secret: 'another-secret' });

  const answer = await sender.call(xeniooEntry.userMessage());

  assert.equal(answer.status, 401);
});
