import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  overrideXenioo,
  received,
  senderFor,
  XeniooSender,
  XeniooSenderStoppedError,
  xeniooEntry,
  xeniooGroup,
} from 'nestjs-xenioo/testing';
import { AppModule } from '../src/app.module.js';

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

it('rejects a wrong secret', async () => {
  const sender = await senderFor(app, { secret: 'another-secret' });

  const answer = await sender.call(xeniooEntry.userMessage());

  expect(answer.status).toBe(401);
  expect(sender.failuresLeft).toBe(9);
  expect(received(app)).toEqual([]);
  sender.close();
});

it('rejects a call without a secret', async () => {
  const sender = await senderFor(app);

  const answer = await sender.call({ Type: 1 }, { authorization: null });

  expect(answer.outcome).toBe(401);
});

it('answers 200 to a body that is not JSON', async () => {
  const sender = await senderFor(app);

  const answer = await sender.call('{"Type": 1, "Da');

  expect(answer).toMatchObject({ status: 200, body: '' });
  expect(sender.failures).toBe(0);
});

it('stops calling after more than 10 failures', async () => {
  await app.listen(0, '127.0.0.1');
  const sender = new XeniooSender({
    url: `${await app.getUrl()}/no/such/path`,
    secret: 'secret-of-the-tests',
  });

  const report = await sender.send(xeniooGroup(20));

  expect(report.outcomes).toEqual({ 404: 11 });
  expect(report.stopped).toBeDefined();
  await expect(sender.call({ Type: 1 })).rejects.toThrow(
    XeniooSenderStoppedError,
  );
  sender.close();
});

it('calls again when the bot is published', async () => {
  const sender = await senderFor(app, { secret: 'another-secret' });
  await sender.send(xeniooGroup(20));

  sender.publish();

  const answer = await sender.call({ Type: 1 });
  expect(answer.outcome).toBe(401);
  expect(sender.failuresLeft).toBe(9);
});
