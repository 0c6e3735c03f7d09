import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { XeniooInbox } from 'nestjs-xenioo';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const SECRET = 'secret-of-the-test';
vi.stubEnv('XENIOO_SECRET', SECRET);
const { AppModule, Crm } = await import('../src/app.module.js');

let app: INestApplication;

beforeEach(async () => {
  const testing = Test.createTestingModule({ imports: [AppModule] });
  app = (await testing.compile()).createNestApplication();
  await app.listen(0, '127.0.0.1');
});

afterEach(() => app.close());

it('saves what a user writes', async () => {
  const saveMessage = vi.spyOn(app.get(Crm), 'saveMessage');

  const response = await fetch(`${await app.getUrl()}/xenioo/webhook`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SECRET}` },
    body: JSON.stringify({ Type: 1, Data: 'Hello!', UserName: 'Ada' }),
  });
  await app.get(XeniooInbox, { strict: false }).idle();

  expect(response.status).toBe(200);
  expect(saveMessage).toHaveBeenCalledWith(
    expect.objectContaining({ text: 'Hello!', userName: 'Ada' }),
  );
});
