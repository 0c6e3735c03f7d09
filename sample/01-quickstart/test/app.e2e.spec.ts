import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  deliver,
  idle,
  overrideXenioo,
  xeniooEntry,
} from 'nestjs-xenioo/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AppModule, Crm } from '../src/app.module.js';

let app: INestApplication;

beforeEach(async () => {
  const testing = overrideXenioo(
    Test.createTestingModule({ imports: [AppModule] }),
    { secret: 'secret-of-the-test' },
  );
  app = (await testing.compile()).createNestApplication();
  await app.init();
});

afterEach(() => app.close());

it('saves the text of a user message', async () => {
  const saveMessage = vi.spyOn(app.get(Crm), 'saveMessage');

  await deliver(
    app,
    xeniooEntry.userMessage({ Data: 'Hello!', UserName: 'Ada' }),
  );
  await idle(app);

  expect(saveMessage).toHaveBeenCalledWith(
    expect.objectContaining({ text: 'Hello!', userName: 'Ada' }),
  );
});
