import { Test } from '@nestjs/testing';
import { UserMessageEvent, XeniooModule } from 'nestjs-xenioo';
import { bullmqInbox } from 'nestjs-xenioo/bullmq';
import { deliver, idle, received, xeniooEntry } from 'nestjs-xenioo/testing';
import { AppModule } from './app.module.js';
import { Crm } from './crm.js';

describe('Crm', () => {
  it('saves the text of a user message', async () => {
    const module = await Test.createTestingModule({
      imports: [AppModule],
      providers: [Crm],
    }).compile();
    const app = await module.createNestApplication().init();

    await deliver(app, xeniooEntry.userMessage({ Data: 'Hello!' }));
    await idle(app);

    expect(app.get(Crm).texts).toEqual(['Hello!']);
    expect(received(app)[0]).toBeInstanceOf(UserMessageEvent);
    await app.close();
  });

  it('reports that BullMQ is not installed', async () => {
    const inbox = bullmqInbox({ connection: 'redis://127.0.0.1:6379' });
    const testing = Test.createTestingModule({
      imports: [XeniooModule.forRoot({ secret: 'secret', inbox })],
    });

    await expect(testing.compile()).rejects.toThrow(
      /bullmqInbox\(\) needs the package bullmq/,
    );
  });
});
