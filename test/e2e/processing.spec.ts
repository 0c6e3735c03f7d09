import { Injectable, type Provider } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  memoryInbox,
  OnXenioo,
  XeniooEventType,
  XeniooModule,
  XeniooProcessing,
  type UserMessageEvent,
} from '../../lib/index.js';
import { idle, senderFor } from '../../lib/testing/index.js';
import { startHost, type AdapterName } from '../support/host-app.js';
import { describeInboxes, type TestedInbox } from '../support/inboxes.js';
import { message } from '../support/messages.js';

@Injectable()
class Crm {
  readonly saved: string[] = [];

  @OnXenioo(XeniooEventType.UserMessage)
  async saveMessage({ text }: UserMessageEvent) {
    await new Promise(setImmediate);
    this.saved.push(text!);
  }
}

@Injectable()
class Maintenance {
  constructor(processing: XeniooProcessing) {
    void processing.pause();
  }
}

async function start(
  adapter: AdapterName,
  inbox: TestedInbox,
  providers: Provider[] = [],
) {
  const { app } = await startHost(adapter, {
    imports: [
      XeniooModule.forRoot({
        secret: 'right-secret',
        inbox: inbox.create({ acknowledgeWithinMs: 0 }),
      }),
    ],
    providers: [Crm, ...providers],
  });
  const sender = await senderFor(app);
  return {
    app,
    sender,
    crm: app.get(Crm),
    processing: app.get(XeniooProcessing),
  };
}

describe.each(['express', 'fastify'] as const)(
  'XeniooProcessing on %s',
  adapter => {
    describeInboxes(inbox => {
      it('accepts calls during a pause and handles their events once after it', async () => {
        const { app, sender, crm, processing } = await start(adapter, inbox);
        await processing.pause();
        expect(processing.isPaused).toBe(true);
        const texts = Array.from({ length: 200 }, (_, n) => `event ${n}`);
        const report = await sender.send(
          texts.map(text => message(text)),
          {
            concurrency: 20,
          },
        );

        expect(report.outcomes).toEqual({ 200: 200 });
        expect(crm.saved).toEqual([]);
        expect(await processing.stats()).toMatchObject({
          pending: 200,
          running: 0,
          oldestPendingAt: expect.any(Date),
        });

        await processing.resume();
        expect(processing.isPaused).toBe(false);
        await idle(app);
        expect(crm.saved.toSorted()).toEqual(texts.toSorted());
        expect(await processing.stats()).toMatchObject({
          pending: 0,
          running: 0,
        });
        sender.close();
      });

      it('starts paused if a provider pauses it while the application boots', async () => {
        const { app, sender, crm, processing } = await start(adapter, inbox, [
          Maintenance,
        ]);
        await sender.send([message('event 1')]);
        expect(processing.isPaused).toBe(true);
        expect(await processing.stats()).toMatchObject({
          pending: 1,
          running: 0,
        });
        expect(crm.saved).toEqual([]);

        await processing.resume();
        await idle(app);
        expect(crm.saved).toEqual(['event 1']);
        sender.close();
      });
    });
  },
);

describe('XeniooProcessing', () => {
  it('pauses and resumes every instance of the module', async () => {
    const instance = (path: string, maxPending: number) =>
      XeniooModule.forRoot({
        secret: 'right-secret',
        path,
        acceptTimeoutMs: 1,
        inbox: memoryInbox({ maxPending, acknowledgeWithinMs: 0 }),
      });
    const { app } = await startHost('express', {
      imports: [instance('shop', 1), instance('desk', 10)],
      providers: [Crm],
    });
    const processing = app.get(XeniooProcessing, { strict: false });
    await processing.pause();
    const shop = await senderFor(app, { path: 'shop' });
    const desk = await senderFor(app, { path: 'desk' });
    await processing.assertAccepting();
    await shop.call(message('1'));
    await desk.call([message('2'), message('3')]);

    expect(await processing.stats()).toMatchObject({ pending: 3 });
    await expect(processing.assertAccepting()).rejects.toThrow(
      'the memory inbox is full',
    );
    await processing.resume();
    await idle(app);
    expect(app.get(Crm).saved.toSorted()).toEqual(['1', '2', '3']);
    shop.close();
    desk.close();
  });
});
