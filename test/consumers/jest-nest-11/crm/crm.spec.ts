import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { UserMessageEvent, XeniooModule } from 'nestjs-xenioo';
import { bullmqInbox } from 'nestjs-xenioo/bullmq';
import { lmdbInbox } from 'nestjs-xenioo/lmdb';
import { deliver, idle, received, xeniooEntry } from 'nestjs-xenioo/testing';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppModule } from './app.module';
import { Crm } from './crm';

describe('Crm', () => {
  let app: INestApplication;

  afterEach(() => app.close());

  it('saves the text of a user message', async () => {
    const module = await Test.createTestingModule({
      imports: [AppModule],
      providers: [Crm],
    }).compile();
    app = await module.createNestApplication().init();

    await deliver(app, xeniooEntry.userMessage({ Data: 'Hello!' }));
    await idle(app);

    expect(app.get(Crm).texts).toEqual(['Hello!']);
    expect(received(app)[0]).toBeInstanceOf(UserMessageEvent);
  });

  it('saves a message from the LMDB inbox', async () => {
    const path = mkdtempSync(join(tmpdir(), 'xenioo-'));
    const module = await Test.createTestingModule({
      imports: [
        XeniooModule.forRoot({ secret: 'secret', inbox: lmdbInbox({ path }) }),
      ],
      providers: [Crm],
    }).compile();
    app = await module.createNestApplication().init();

    await deliver(app, xeniooEntry.userMessage({ Data: 'Hello!' }));
    await idle(app, { timeoutMs: 60_000 });

    expect(app.get(Crm).texts).toEqual(['Hello!']);
  });

  // The runner starts a Redis where one is installed.
  const REDIS_URL = process.env.REDIS_URL ?? '';
  const itOnRedis = REDIS_URL === '' ? it.skip : it;

  itOnRedis('saves what an inbox on Redis has accepted', async () => {
    const module = await Test.createTestingModule({
      imports: [
        XeniooModule.forRoot({
          secret: 'secret',
          inbox: bullmqInbox({ connection: REDIS_URL }),
        }),
      ],
      providers: [Crm],
    }).compile();
    app = await module.createNestApplication().init();

    await deliver(app, xeniooEntry.userMessage({ Data: 'Hello!' }));
    await idle(app, { timeoutMs: 60_000 });

    expect(app.get(Crm).texts).toEqual(['Hello!']);
  });
});
