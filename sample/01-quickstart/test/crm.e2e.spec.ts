import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  deliver,
  dispatched,
  idle,
  overrideXenioo,
  xeniooEntry,
} from 'nestjs-xenioo/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AppModule } from '../src/app.module.js';

let app: INestApplication;

beforeEach(async () => {
  const testing = overrideXenioo(
    Test.createTestingModule({ imports: [AppModule] }),
    { secret: 'secret-of-the-test', inbox: 'memory' },
  );
  app = (await testing.compile()).createNestApplication();
  await app.init();
});

afterEach(() => app.close());

it('passes a user message to the CRM', async () => {
  await deliver(app, xeniooEntry.userMessage({ Data: 'Hello!' }));
  await idle(app);

  expect(dispatched(app, 'Crm.saveMessage')).toMatchObject([
    { status: 'done', event: { text: 'Hello!' } },
  ]);
});
