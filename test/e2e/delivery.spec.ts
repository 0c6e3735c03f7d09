import {
  Inject,
  Injectable,
  Scope,
  UseFilters,
  UseGuards,
  type CanActivate,
  type ExceptionFilter,
  type ModuleMetadata,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { describe, expect, it } from 'vitest';
import {
  memoryInbox,
  OnXenioo,
  UserMessageEvent,
  XENIOO_EVENT_NAMES,
  XeniooEvent,
  XeniooHandlerFailure,
  XeniooModule,
  XeniooUnrecoverableError,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import {
  deliver,
  dispatched,
  type XeniooWireFields,
} from '../../lib/testing/index.js';
import { createLatch } from '../support/create-latch.js';
import { failing, startDelivery, textOf } from '../support/delivery-host.js';
import { describeInboxes } from '../support/inboxes.js';
import { message, numbered } from '../support/messages.js';

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  describeInboxes(inbox => {
    const startWith = (
      options?: Partial<XeniooModuleOptions>,
      metadata?: ModuleMetadata,
    ) => startDelivery(adapter, inbox.create, options, metadata);
    /** Starts a host that answers calls before their handlers have run. */
    const startAtOnce = () =>
      startDelivery(adapter, () => inbox.create({ acknowledgeWithinMs: 0 }));

    describe('a handler that throws', () => {
      it('is retried without the other handlers', async () => {
        const { crm, notified, alarm, letters, logs, handle } =
          await startWith();
        crm.work = failing(2);

        await handle(message('hello'));

        expect(crm.begun).toEqual(['hello', 'hello', 'hello']);
        expect(crm.saved).toEqual(['hello']);
        expect(notified()).toEqual(['hello']);
        expect(alarm.failures).toEqual([]);
        expect(await letters.list()).toEqual([]);
        expect(logs.ofXenioo('error')).toEqual([]);
        expect(logs.ofXenioo('warn')).toEqual([
          expect.stringMatching(
            /^Crm\.save failed on user-message \S+ \(attempt 1 of 3, the next in \d+ ms\): CRM is down\n/,
          ),
          expect.stringMatching(/\(attempt 2 of 3, the next in .*CRM is down$/),
        ]);
      });

      it('gets the same event in each attempt', async () => {
        const { crm, handle } = await startWith();
        const seen: UserMessageEvent[] = [];
        const fail = failing(1);
        crm.work = event => {
          seen.push(event);
          fail();
        };

        await handle(message('hello', { city: 'Rome' }));

        const [first, second] = seen;
        expect(second).toStrictEqual(first);
        expect(second!.variables).toEqual({ city: 'Rome' });
        expect(Object.isFrozen(second)).toBe(true);
      });

      it('becomes a dead letter after its last attempt, and @OnXeniooFailed() runs', async () => {
        const { crm, notified, alarm, letters, handle } = await startWith();
        const error = new Error('CRM is down');
        crm.work = failing(9, error);
        let atAlarm: unknown;
        alarm.onFailed = async ({ event }) => {
          [atAlarm] = await letters.list({ eventId: event.id });
        };

        await handle(message('hello'));

        expect(crm.begun).toHaveLength(3);
        expect(notified()).toEqual(['hello']);
        expect(alarm.failures).toMatchObject([
          { handler: 'Crm.save', attempts: 3, error, event: { text: 'hello' } },
        ]);
        expect(atAlarm).toMatchObject({
          id: `${alarm.failures[0]!.event.id}.Crm.save`,
          handler: 'Crm.save',
        });
      });

      it('is not retried after XeniooUnrecoverableError', async () => {
        const { crm, alarm, handle } = await startWith();
        crm.work = failing(9, new XeniooUnrecoverableError('no customer'));

        await handle(message('hello'));

        expect(crm.begun).toHaveLength(1);
        expect(alarm.failures).toMatchObject([{ attempts: 1 }]);
      });

      it('has the number of attempts that its decorator sets', async () => {
        @Injectable()
        class Own {
          @OnXenioo({ retry: false })
          once(): never {
            throw new Error('no');
          }

          @OnXenioo({ retry: { attempts: 5, delayMs: 1, maxDelayMs: 2 } })
          often(): never {
            throw new Error('no');
          }
        }

        const { app, alarm, handle } = await startWith(
          {},
          { providers: [Own] },
        );
        await handle(message('hello'));

        expect(dispatched(app, 'Own.once')).toHaveLength(1);
        expect(dispatched(app, 'Own.often')).toHaveLength(5);
        expect(
          alarm.failures.map(failure => [failure.handler, failure.attempts]),
        ).toEqual([
          ['Own.once', 1],
          ['Own.often', 5],
        ]);
      });

      it('is created for each attempt if it is request-scoped', async () => {
        const instances: unknown[] = [];

        @Injectable({ scope: Scope.REQUEST })
        class Scoped {
          constructor(@Inject(REQUEST) private readonly event: XeniooEvent) {}

          @OnXenioo()
          handle(event: XeniooEvent): void {
            expect(this.event).toBe(event);
            instances.push(this);
            if (instances.length < 3) throw new Error('no');
          }
        }

        const { alarm, handle } = await startWith({}, { providers: [Scoped] });
        await handle(message('hello'));

        expect(new Set(instances).size).toBe(3);
        expect(alarm.failures).toEqual([]);
      });

      it('does not fail if its filter catches the error or its guard denies the event', async () => {
        const ran: string[] = [];

        class Catches implements ExceptionFilter {
          catch(): void {
            ran.push('caught');
          }
        }

        class Denies implements CanActivate {
          canActivate(): boolean {
            ran.push('denied');
            return false;
          }
        }

        @Injectable()
        class Own {
          @UseFilters(Catches)
          @OnXenioo()
          caught(): never {
            throw new Error('no');
          }

          @UseGuards(Denies)
          @OnXenioo()
          denied(): never {
            throw new Error('no');
          }
        }

        const { alarm, handle } = await startWith({}, { providers: [Own] });
        await handle(message('hello'));

        expect(ran.toSorted()).toEqual(['caught', 'denied']);
        expect(alarm.failures).toEqual([]);
      });

      it('leads to one event and one failure on the event emitter', async () => {
        const heard: [string, unknown][] = [];

        @Injectable()
        class Listener {
          @OnEvent(XENIOO_EVENT_NAMES.UserMessage)
          event(event: UserMessageEvent): void {
            heard.push(['event', event.text]);
          }

          @OnEvent(XENIOO_EVENT_NAMES.Failed)
          failed(failure: XeniooHandlerFailure): void {
            heard.push(['failed', textOf(failure)]);
          }
        }

        const { crm, handle } = await startWith(
          {},
          { imports: [EventEmitterModule.forRoot()], providers: [Listener] },
        );
        crm.work = failing(9);
        await handle(message('hello'));

        expect(heard).toEqual([
          ['event', 'hello'],
          ['failed', 'hello'],
        ]);
      });

      it('becomes a dead letter even if @OnXeniooFailed() throws', async () => {
        const { crm, alarm, letters, logs, handle } = await startWith();
        crm.work = failing(9);
        alarm.onFailed = failing(1, new Error('the pager is down'));

        await handle(message('hello'));

        expect(alarm.failures).toHaveLength(1);
        expect(await letters.list()).toHaveLength(1);
        expect(logs.ofXenioo('error')).toEqual([
          expect.stringMatching(
            /^Crm\.save failed on .* \(attempt 3; no more attempts\)/,
          ),
          expect.stringMatching(
            /^Alarm\.ring failed on dead letter \S+\.Crm\.save: the pager/,
          ),
        ]);
      });
    });

    describe('events of one conversation', () => {
      const inOne = (text: string, fields?: XeniooWireFields) =>
        message(text, { ConversationId: 'c1', ...fields });

      it.skipIf(!inbox.keepsOrder)(
        'are handled one after another in the order of all digits of their dates',
        async () => {
          const { crm, handle } = await startWith();
          let running = 0;
          crm.work = async () => {
            expect(++running).toBe(1);
            await new Promise(setImmediate);
            running--;
          };
          const at = (fraction: string) =>
            inOne(fraction, { Date: `2024-05-01T12:00:00.${fraction}Z` });

          await handle(
            [
              at('1234567'),
              at('1234565'),
              inOne('undated', { Date: undefined }),
              at('1234566'),
              at('1'),
            ],
            { grouped: 5 },
          );

          expect(crm.saved).toEqual([
            '1',
            '1234565',
            'undated',
            '1234566',
            '1234567',
          ]);
        },
      );

      it.skipIf(!inbox.keepsOrder)(
        'are handled in the order of their calls',
        async () => {
          const { app, crm, idle } = await startAtOnce();
          const latch = createLatch();
          crm.work = () => latch.opened;
          await deliver(
            app,
            ['a', 'b', 'c', 'd'].map(text => inOne(text)),
          );
          await expect.poll(() => crm.begun).toEqual(['a']);

          latch.open();
          await idle();
          expect(crm.begun).toEqual(['a', 'b', 'c', 'd']);
        },
      );

      it.skipIf(!inbox.keepsOrder)(
        'do not block events of other conversations',
        async () => {
          const { crm, handle } = await startWith();
          const latch = createLatch();
          crm.work = ({ text }) =>
            text === 'last' ? latch.open() : latch.opened;

          await handle(
            [
              message('a1', { ConversationId: 'a' }),
              message('a2', { ConversationId: 'a' }),
              message('b1', { ConversationId: 'b' }),
              message('none', { ConversationId: undefined }),
              message('last', { ConversationId: 'c' }),
            ],
            { grouped: 5 },
          );

          expect(crm.begun).toEqual(['a1', 'b1', 'none', 'last', 'a2']);
        },
      );

      it('belong to one conversation per bot', async () => {
        const bots = ['support', 'shop'].map(name => ({
          name,
          token: `${name}-token`,
          secret: `${name}-secret`,
        }));
        const { app, crm, idle } = await startWith({ secret: undefined, bots });
        const latch = createLatch();
        crm.work = ({ bot }) => (bot === 'shop' ? latch.open() : latch.opened);

        await Promise.all(
          ['support', 'shop'].map(bot => deliver(app, inOne(bot), { bot })),
        );
        await idle();

        expect(crm.saved.toSorted()).toEqual(['shop', 'support']);
      });

      it.skipIf(!inbox.keepsOrder)('are not blocked by a retry', async () => {
        const { app, crm } = await startWith({
          retry: { attempts: 2, backoff: 'fixed', delayMs: 3_600_000 },
        });
        crm.work = failing(1);

        await deliver(app, [inOne('first'), inOne('second')], { grouped: 2 });

        await expect.poll(() => crm.saved).toEqual(['second']);
        expect(crm.begun).toEqual(['first', 'second']);
      });

      it('are handled while an earlier one is retried', async () => {
        const { app, crm, idle } = await startAtOnce();
        const latch = createLatch();
        crm.work = async ({ text }) => {
          if (text === 'second') return;
          if (crm.begun.length === 1) throw new Error('CRM is down');
          await latch.opened;
        };
        await deliver(app, inOne('first'));
        await expect.poll(() => crm.begun).toHaveLength(2);

        await deliver(app, inOne('second'));
        await expect.poll(() => crm.saved).toEqual(['second']);

        latch.open();
        await idle();
        expect(crm.saved).toEqual(['second', 'first']);
      });
    });

    describe('an event that is sent twice', () => {
      const [a, b] = [message('a'), message('b')];

      it('is handled once within a call', async () => {
        const { crm, notified, logs, handle } = await startWith();

        await handle([a, b, a, a], { grouped: 4 });

        expect(crm.saved.toSorted()).toEqual(['a', 'b']);
        expect(notified().toSorted()).toEqual(['a', 'b']);
        // BullMQ reports duplicates after a delay.
        await expect
          .poll(() => logs.ofXenioo('debug').map(line => line.slice(0, 10)))
          .toEqual(['Dropped 2 ']);
      });

      it('is handled once across calls, which are all answered 200', async () => {
        const { app, crm, handle } = await startWith();

        await deliver(app, a);
        await deliver(app, [a], { grouped: 1 });
        await handle([b, a], { grouped: 2 });

        expect(crm.saved.toSorted()).toEqual(['a', 'b']);
      });

      it('is handled once across concurrent calls', async () => {
        const { crm, send, idle } = await startWith();

        const calls = numbered('only in', 10).map(text =>
          send([a, message(text)]),
        );

        expect(new Set(await Promise.all(calls))).toEqual(new Set([200]));
        await idle();
        expect(crm.saved.filter(text => text === 'a')).toHaveLength(1);
        expect(crm.saved).toHaveLength(11);
      });

      it('is handled once while a retry is running', async () => {
        const { app, crm, idle } = await startWith();
        crm.work = failing(1);
        await deliver(app, a);
        await expect.poll(() => crm.begun.length).toBeGreaterThan(0);

        await deliver(app, a);
        await idle();

        expect(crm.begun).toEqual(['a', 'a']);
        expect(crm.saved).toEqual(['a']);
      });

      it('is a different event if a field differs or it has no date', async () => {
        const { app, crm, handle } = await startWith();
        const undated = message('a', { Date: undefined });

        await deliver(app, [undated, undated], { grouped: 2 });
        await handle(undated);
        await deliver(app, [b, { ...b, ConversationId: 'c2' }], { grouped: 2 });
        await handle({ ...b, ConversationId: null });

        expect(crm.saved.toSorted()).toEqual(['a', 'a', 'a', 'b', 'b', 'b']);
      });

      it('is the same event if only variables of the bot differ', async () => {
        const { crm, handle } = await startWith();

        await handle([a, { ...a, city: 'Rome' }]);

        expect(crm.saved).toEqual(['a']);
      });

      it('is handled twice with `dedupe: false`', async () => {
        const { app, crm, handle } = await startWith({ dedupe: false });

        await deliver(app, [a, a], { grouped: 2 });
        await handle(a);

        expect(crm.saved).toEqual(['a', 'a', 'a']);
      });
    });

    describe('handlers that hang', () => {
      it('do not block the others, even a hundred of them', async () => {
        const { crm, notified, alarm, handle, logs } = await startWith({
          handlerTimeoutMs: 50,
          retry: false,
        });
        crm.work = ({ text }) =>
          text!.startsWith('hang') ? new Promise(() => {}) : undefined;
        const hanging = numbered('hang', 100);
        const others = numbered('work', 50);

        await handle(
          [...hanging, ...others].map(text => message(text)),
          { grouped: 150 },
        );

        expect(crm.saved.toSorted()).toEqual(others.toSorted());
        expect(notified()).toHaveLength(150);
        expect(alarm.failures.map(textOf).toSorted()).toEqual(
          hanging.toSorted(),
        );
        expect(logs.ofXenioo('error')).toEqual(
          Array.from({ length: 100 }, () =>
            expect.stringContaining('timed out after 50 ms'),
          ),
        );
      });

      it('are retried like those that throw', async () => {
        const { crm, handle } = await startWith({ handlerTimeoutMs: 20 });
        const latches = [createLatch(), createLatch()];
        crm.work = () => latches.pop()?.opened;

        await handle(message('hello'));

        expect(crm.begun).toHaveLength(3);
        expect(crm.saved).toEqual(['hello']);
      });
    });
  });
});

describe('invalid options of delivery', () => {
  it.each<[string, Partial<XeniooModuleOptions>, RegExp]>([
    ['zero attempts', { retry: { attempts: 0 } }, /`retry.attempts`/],
    [
      'a `retry` that is not an object',
      { retry: true as never },
      /`retry` to be an obj/,
    ],
    [
      'a dedupe time of zero',
      { dedupe: { ttlSeconds: 0 } },
      /`dedupe.ttlSeconds`/,
    ],
    ['too many ids', { dedupe: { maxIds: 1e9 } }, /`dedupe.maxIds`/],
  ])('fails for %s', async (_, options, message) => {
    await expect(
      startDelivery('express', () => undefined, options),
    ).rejects.toThrow(message);
  });

  it('two inboxes with the same storage location stop the boot', async () => {
    const { inject = [], useFactory } = memoryInbox();
    const inbox = {
      inject,
      useFactory: async (...settings: unknown[]) =>
        Object.assign(await useFactory(...settings), {
          storageLocation: '/var/lib/xenioo',
        }),
    };

    await expect(
      startDelivery(
        'express',
        () => inbox,
        {},
        {
          imports: [
            XeniooModule.forRoot({ secret: 'x', path: 'other', inbox }),
          ],
        },
      ),
    ).rejects.toThrow(
      'two instances of XeniooModule store their events at /var/lib/xenioo',
    );
  });
});
