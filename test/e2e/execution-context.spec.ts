import { Injectable } from '@nestjs/common';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, it, describe } from 'vitest';
import {
  OnXenioo,
  OnXeniooFailed,
  XENIOO_EVENT_NAMES,
  XeniooEventType,
  XeniooModule,
  type UserMessageEvent,
} from '../../lib/index.js';
import { deliver, idle } from '../../lib/testing/index.js';
import { startHost } from '../support/host-app.js';
import { describeInboxes } from '../support/inboxes.js';
import { message, messages, numbered } from '../support/messages.js';

const requests = new AsyncLocalStorage<string>();

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  describeInboxes(inbox => {
    /** Starts a host that runs each request in an `AsyncLocalStorage` store. */
    async function start(handlers: new () => object) {
      const { app } = await startHost(
        adapter,
        {
          imports: [
            EventEmitterModule.forRoot(),
            XeniooModule.forRoot({
              secret: 'right-secret',
              concurrency: 4,
              retry: { attempts: 2, delayMs: 1 },
              inbox: inbox.create(),
            }),
          ],
          providers: [handlers],
        },
        {
          prepare: host => {
            let count = 0;
            host.use(
              (_request: unknown, _response: unknown, next: () => void) =>
                requests.run(`request ${++count}`, next),
            );
          },
        },
      );
      return app;
    }

    it('runs handlers, retries and listeners outside of the store of a request', async () => {
      const seen: [where: string, store: string | undefined][] = [];
      const look = (where: string) => seen.push([where, requests.getStore()]);

      @Injectable()
      class Crm {
        private failed = new Set<string>();

        @OnXenioo(XeniooEventType.UserMessage)
        async save({ id, text }: UserMessageEvent): Promise<void> {
          look('handler');
          await new Promise(setImmediate);
          look('later in the handler');
          if (text?.endsWith('0') && !this.failed.has(id)) {
            this.failed.add(id);
            throw new Error('try again');
          }
        }

        @OnXenioo(XeniooEventType.UserMessage)
        async fail({ text }: UserMessageEvent): Promise<void> {
          look('second handler');
          if (text === 'event 5') throw new Error('for good');
        }

        @OnXeniooFailed()
        alert(): void {
          look('handler of failures');
        }

        @OnEvent(XENIOO_EVENT_NAMES.UserMessage)
        hear(): void {
          look('listener');
        }
      }

      const app = await start(Crm);
      await deliver(app, messages(numbered('event', 100)), { concurrency: 8 });
      await idle(app);

      expect(new Set(seen.map(([where]) => where))).toEqual(
        new Set([
          'handler',
          'later in the handler',
          'second handler',
          'handler of failures',
          'listener',
        ]),
      );
      expect(seen.filter(([, store]) => store !== undefined)).toEqual([]);
    });

    it('isolates `enterWith()` in a handler from other handlers and listeners', async () => {
      const seen = new Set<string | undefined>();

      @Injectable()
      class Crm {
        @OnXenioo()
        async first(): Promise<void> {
          seen.add(requests.getStore());
          requests.enterWith('the store of first()');
          await Promise.resolve();
          expect(requests.getStore()).toBe('the store of first()');
        }

        @OnXenioo()
        async second(): Promise<void> {
          seen.add(requests.getStore());
          requests.enterWith('the store of second()');
        }

        @OnEvent(XENIOO_EVENT_NAMES.UserMessage)
        hear(): void {
          seen.add(requests.getStore());
          requests.enterWith('the store of hear()');
        }
      }

      const app = await start(Crm);
      const inOne = numbered('event', 10).map(text =>
        message(text, { ConversationId: 'c1' }),
      );
      await deliver(app, inOne, { grouped: 10 });
      await deliver(app, messages(numbered('other', 10)));
      await idle(app);

      expect([...seen]).toEqual([undefined]);
    });
  });
});
