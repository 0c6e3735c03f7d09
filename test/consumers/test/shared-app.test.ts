import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  deliver,
  dispatched,
  forget,
  idle,
  overrideXenioo,
  xeniooEntry,
} from 'nestjs-xenioo/testing';
import { AppModule } from '../src/app.module.js';

describe('tests that share an app', () => {
  let app: INestApplication;

  beforeAll(async () => {
    const testing = overrideXenioo(
      Test.createTestingModule({ imports: [AppModule] }),
      { secret: 'secret-of-the-tests' },
    );
    app = (await testing.compile()).createNestApplication();
    await app.init();
  });

  afterEach(() => forget(app));

  afterAll(() => app.close());

  it('see their own events', async () => {
    await deliver(app, xeniooEntry.takeOver());
    await idle(app);

    expect(dispatched(app)).toMatchObject([{ handler: 'Crm.noteTakeOver' }]);
  });

  it('do not see events of other tests', async () => {
    await deliver(app, xeniooEntry.userMessage());
    await idle(app);

    expect(dispatched(app)).toMatchObject([{ handler: 'Crm.saveMessage' }]);
  });
});
