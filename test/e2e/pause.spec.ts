import { Injectable } from '@nestjs/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  OnXenioo,
  XeniooEventType,
  XeniooModule,
  XeniooProcessing,
  type UserMessageEvent,
} from '../../lib/index.js';
import { idle, senderFor } from '../../lib/testing/index.js';
import { startHost } from '../support/host-app.js';
import { describeEveryInbox } from '../support/inboxes.js';
import { messages, numbered } from '../support/messages.js';

@Injectable()
class Crm {
  readonly saved: string[] = [];

  @OnXenioo(XeniooEventType.UserMessage)
  async saveMessage({ text }: UserMessageEvent) {
    await new Promise(setImmediate);
    this.saved.push(text!);
  }
}

const SECONDS = Number(process.env['PAUSE_SECONDS'] ?? 3);
const CALLS_PER_SECOND = 200;

describe.each(['express', 'fastify'] as const)(
  `a pause of ${SECONDS} s on %s`,
  adapter => {
    describeEveryInbox(inbox => {
      it(`answers ${CALLS_PER_SECOND} calls a second with 200, and handles each event once after it`, async () => {
        const { app } = await startHost(adapter, {
          imports: [
            XeniooModule.forRoot({
              secret: 'right-secret',
              inbox: inbox.create(),
            }),
          ],
          providers: [Crm],
        });
        const sender = await senderFor(app);
        onTestFinished(() => sender.close());
        const processing = app.get(XeniooProcessing, { strict: false });
        const { saved } = app.get(Crm);
        const texts = numbered('event', SECONDS * CALLS_PER_SECOND);

        await processing.pause();
        const report = await sender.send(messages(texts), {
          intervalMs: 1_000 / CALLS_PER_SECOND,
          // The answers of the memory inbox wait for `acknowledgeWithinMs`.
          concurrency: 1_000,
        });
        expect(report.outcomes).toEqual({ 200: texts.length });
        expect(report.durationMs).toBeGreaterThan(SECONDS * 990);
        expect(saved).toEqual([]);
        expect(await processing.stats()).toMatchObject({
          pending: texts.length,
          running: 0,
        });

        await processing.resume();
        await idle(app, { timeoutMs: 60_000 });
        expect(saved.toSorted()).toEqual(texts.toSorted());
        expect(await processing.stats()).toMatchObject({ pending: 0 });
      });
    });
  },
);
