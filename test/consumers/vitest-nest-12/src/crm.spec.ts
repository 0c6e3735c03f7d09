import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { UserMessageEvent } from 'nestjs-xenioo';
import { deliver, idle, received, xeniooEntry } from 'nestjs-xenioo/testing';
import { AppModule } from './app.module.js';
import { Crm } from './crm.js';

describe('Crm', () => {
  let app: INestApplication;

  afterEach(() => app.close());

  it('saves what people write', async () => {
    const module = await Test.createTestingModule({
      imports: [AppModule],
    }).compile();
    app = await module.createNestApplication().init();

    await deliver(app, xeniooEntry.userMessage({ Data: 'Hello!' }));
    await idle(app);

    expect(app.get(Crm).texts).toEqual(['Hello!']);
    expect(received(app)[0]).toBeInstanceOf(UserMessageEvent);
  });
});
