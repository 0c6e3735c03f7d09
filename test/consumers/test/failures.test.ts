import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { XeniooDeadLetters } from 'nestjs-xenioo';
import {
  deliver,
  dispatched,
  idle,
  overrideXenioo,
  received,
  xeniooEntry,
} from 'nestjs-xenioo/testing';
import { AppModule } from '../src/app.module.js';
import { Customers } from '../src/customers.js';

let app: INestApplication;

afterEach(() => app.close());

/** Starts the app with a double in place of its customers, and short retries. */
async function startWith(customers: Pick<Customers, 'addMessage'>) {
  const testing = overrideXenioo(
    Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(Customers)
      .useValue(customers),
    { secret: 'secret-of-the-tests', retry: { attempts: 2, delayMs: 1 } },
  );
  app = (await testing.compile()).createNestApplication();
  await app.init();
}

it('passes the text of a user message to the customers', async () => {
  const added: string[] = [];
  await startWith({
    addMessage: async (name, text) => void added.push(`${name}: ${text}`),
  });

  await deliver(app, xeniooEntry.userMessage({ UserName: 'Ada', Data: 'Hi' }));
  await idle(app);

  expect(added).toEqual(['Ada: Hi']);
});

it('retries a handler that fails', async () => {
  const answers = [new Error('the database is down'), undefined];
  await startWith({
    addMessage: async () => {
      const error = answers.shift();
      if (error) throw error;
    },
  });

  await deliver(app, xeniooEntry.userMessage());
  await idle(app);

  expect(dispatched(app, 'Crm.saveMessage')).toMatchObject([
    { attempt: 1, status: 'retry' },
    { attempt: 2, status: 'done' },
  ]);
});

it('stores a dead letter after the last attempt', async () => {
  await startWith({
    addMessage: () => Promise.reject(new Error('the database is down')),
  });

  await deliver(app, xeniooEntry.userMessage());
  await idle(app);

  const [, last] = dispatched(app, 'Crm.saveMessage');
  expect(last).toMatchObject({ attempt: 2, status: 'failed' });
  const [letter] = await app.get(XeniooDeadLetters).list();
  expect(letter).toMatchObject({
    handler: 'Crm.saveMessage',
    attempts: 2,
    error: { message: 'the database is down' },
  });
});

it('runs the handler again when its dead letter is replayed', async () => {
  let isDown = true;
  await startWith({
    addMessage: async () => {
      if (isDown) throw new Error('the database is down');
    },
  });
  await deliver(app, xeniooEntry.userMessage());
  await idle(app);

  isDown = false;
  await app.get(XeniooDeadLetters).replayAll();
  await idle(app);

  expect(dispatched(app, 'Crm.saveMessage')).toMatchObject([
    { attempt: 1, status: 'retry' },
    { attempt: 2, status: 'failed' },
    { attempt: 1, status: 'done' },
  ]);
});

it('keeps an invalid entry as a dead letter', async () => {
  await startWith(new Customers());

  await deliver(app, xeniooEntry.malformed('not-json'));
  await idle(app);

  const [letter] = await app.get(XeniooDeadLetters).list({ kind: 'invalid' });
  expect(letter?.entry).toMatchObject({ reason: 'not-json' });
  expect(received(app)).toMatchObject([{ reason: 'not-json' }]);
  expect(dispatched(app)).toEqual([]);
});
