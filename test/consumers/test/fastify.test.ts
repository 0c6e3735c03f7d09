import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  deliver,
  idle,
  overrideXenioo,
  xeniooEntry,
} from 'nestjs-xenioo/testing';
import { AppModule } from '../src/app.module.js';
import { Customers } from '../src/customers.js';

it('saves the text of a user message on Fastify', async () => {
  const testing = overrideXenioo(
    Test.createTestingModule({ imports: [AppModule] }),
    { secret: 'secret-of-the-tests' },
  );
  const app = (await testing.compile()).createNestApplication(
    new FastifyAdapter(),
  );
  await app.init();

  await deliver(
    app,
    xeniooEntry.userMessage({ UserName: 'Ada', Data: 'Hello!' }),
  );
  await idle(app);

  expect(await app.get(Customers).messagesOf('Ada')).toEqual(['Hello!']);
  await app.close();
});
