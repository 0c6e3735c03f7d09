import { Injectable, type ModuleMetadata } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  InvalidXeniooEntry,
  OnXenioo,
  UserMessageEvent,
  XeniooDeadLetterError,
  XeniooModule,
  XeniooUnrecoverableError,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import { deliver, forget, idle, xeniooEntry } from '../../lib/testing/index.js';
import {
  failing,
  PATH,
  startDelivery,
  textOf,
} from '../support/delivery-host.js';
import { describeInboxes } from '../support/inboxes.js';
import { message } from '../support/messages.js';

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  describeInboxes(inbox => {
    const startWith = (
      options?: Partial<XeniooModuleOptions>,
      metadata?: ModuleMetadata,
    ) => startDelivery(adapter, inbox.create, options, metadata);

    describe('dead letters', () => {
      /** Starts an application with a dead letter for each text, and lets the handler succeed from then on. */
      async function startWithLetters(...texts: string[]) {
        const started = await startWith({ retry: false });
        started.crm.work = failing(texts.length);
        for (const text of texts) await started.handle(message(text));
        started.crm.begun.splice(0);
        forget(started.app);
        const list = await started.letters.list();
        return { ...started, ids: list.map(({ id }) => id) };
      }

      it('can be injected, and contain the event, the handler and its error', async () => {
        const { letters, alarm, ids } = await startWithLetters('hello');

        expect(alarm.deadLetters).toBe(letters);
        const letter = await letters.get(ids[0]!);
        expect(letter).toEqual({
          id: `${alarm.failures[0]!.event.id}.Crm.save`,
          kind: 'event',
          entry: alarm.failures[0]!.event,
          handler: 'Crm.save',
          attempts: 1,
          error: {
            message: 'CRM is down',
            stack: expect.stringContaining('Error: CRM') as string,
          },
          deadLetteredAt: expect.any(Date) as Date,
        });
        expect(letter!.entry).toBeInstanceOf(UserMessageEvent);
        expect(await letters.get('no such id')).toBeUndefined();
      });

      it('are stored for each handler that failed', async () => {
        @Injectable()
        class Mailer {
          @OnXenioo()
          mail(): never {
            throw new Error('mail is down');
          }
        }

        const { crm, alarm, letters, handle } = await startWith(
          {},
          { providers: [Mailer] },
        );
        crm.work = failing(9, new XeniooUnrecoverableError('no customer'));
        await handle(message('hello'));

        const list = await letters.list();
        expect(
          list.map(({ handler, attempts }) => [handler, attempts]).toSorted(),
        ).toEqual([
          ['Crm.save', 1],
          ['Mailer.mail', 3],
        ]);
        expect(alarm.failures).toHaveLength(2);
      });

      it('are listed in pages, by kind and by handler', async () => {
        const { letters, handle, ids } = await startWithLetters('a', 'b', 'c');
        await handle([xeniooEntry.malformed(), xeniooEntry.malformed()]);
        const idsOf = async (...query: Parameters<typeof letters.list>) =>
          (await letters.list(...query)).map(({ id }) => id);

        expect(await idsOf()).toHaveLength(5);
        expect(await idsOf({ limit: 2 })).toEqual(ids.slice(0, 2));
        expect(await idsOf({ limit: 2, after: ids[0] })).toEqual(ids.slice(1));
        expect(await idsOf({ kind: 'invalid' })).toHaveLength(2);
        expect(await idsOf({ kind: 'event' })).toEqual(ids);
        expect(await idsOf({ handler: 'Crm.save' })).toEqual(ids);
        expect(await idsOf({ handler: 'Desk.notify' })).toEqual([]);
        await expect(idsOf({ limit: 0 })).rejects.toThrow(RangeError);
        await expect(idsOf({ after: 'no such id' })).rejects.toThrow(
          XeniooDeadLetterError,
        );
      });

      it('run only the failed handler when they are replayed', async () => {
        const { letters, crm, notified, idle, ids } =
          await startWithLetters('a');

        await letters.replay(ids[0]!);
        await idle();

        expect(crm.saved).toEqual(['a']);
        expect(notified()).toEqual([]);
        expect(await letters.list()).toEqual([]);
      });

      it('are stored again when all attempts of a replay fail', async () => {
        const { letters, crm, alarm, idle, ids } = await startWithLetters(
          'a',
          'b',
        );
        crm.work = failing(9);

        await letters.replay(ids[0]!);
        await idle();

        expect((await letters.list()).map(({ id }) => id)).toEqual([
          ids[1],
          ids[0],
        ]);
        expect(alarm.failures.map(textOf)).toEqual(['a', 'b', 'a']);
      });

      it('are replayed once by concurrent calls of replay()', async () => {
        const { letters, crm, idle, ids } = await startWithLetters('a');

        const all = await Promise.allSettled(
          [1, 2, 3].map(() => letters.replay(ids[0]!)),
        );
        await idle();

        expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(
          1,
        );
        expect(crm.saved).toEqual(['a']);
      });

      it('are replayed by replayAll(), all or those that match a filter', async () => {
        const { letters, crm, handle, idle, logs } = await startWithLetters(
          'a',
          'b',
          'c',
        );
        await handle(xeniooEntry.malformed());

        expect(await letters.replayAll({ handler: 'Desk.notify' })).toBe(0);
        expect(await letters.replayAll({ handler: 'Crm.save' })).toBe(3);
        await idle();

        expect(crm.saved.toSorted()).toEqual(['a', 'b', 'c']);
        expect(await letters.list()).toMatchObject([{ kind: 'invalid' }]);
        expect(await letters.replayAll()).toBe(0);
        expect(logs.ofXenioo('warn')).toEqual([
          expect.stringMatching(
            /^Replaying dead letters failed \(count: 1\); .* still invalid/,
          ),
        ]);
      });

      it('are removed by removeAll() for one conversation', async () => {
        const { letters, crm, handle } = await startWith({ retry: false });
        crm.work = failing(3);
        for (const ConversationId of ['c1', 'c2', 'c1']) {
          await handle(message('hello', { ConversationId }));
        }

        expect(await letters.removeAll({ conversationId: 'c1' })).toBe(2);
        expect(await letters.list()).toMatchObject([
          { entry: { conversationId: 'c2' } },
        ]);
      });

      it('can be neither removed nor replayed after they were removed', async () => {
        const { letters, crm, idle, ids } = await startWithLetters('a', 'b');

        expect(await letters.remove(ids[0]!)).toBe(true);
        expect(await letters.remove(ids[0]!)).toBe(false);
        await expect(letters.replay(ids[0]!)).rejects.toThrow(
          new XeniooDeadLetterError(`there is no dead letter ${ids[0]}`),
        );
        expect(await letters.replayAll()).toBe(1);
        await idle();

        expect(crm.saved).toEqual(['b']);
      });

      it('contain invalid entries, which are kept if a replay fails', async () => {
        const { app, letters, alarm, handle } = await startWith();
        await deliver(app, '{"Type":1,"Da');
        await handle([{ Type: 'x', Data: 'y' }, 5], { grouped: 2 });

        // The handlers of both calls run concurrently.
        const byReason = (one: { reason: string }, other: { reason: string }) =>
          one.reason.localeCompare(other.reason);
        const all = await letters.list({ kind: 'invalid' });
        const entries = all.map(({ entry }) => entry as InvalidXeniooEntry);
        expect(entries.toSorted(byReason)).toEqual(
          alarm.invalid.toSorted(byReason),
        );
        expect(entries.toSorted(byReason)).toMatchObject([
          { reason: 'invalid-fields', raw: { Type: 'x' } },
          { reason: 'not-an-event', raw: 5 },
          { reason: 'not-json', raw: '{"Type":1,"Da' },
        ]);
        expect(all.every(({ handler }) => handler === undefined)).toBe(true);
        const [{ id }] = all as [(typeof all)[0]];
        await expect(letters.replay(id)).rejects.toThrow(
          new RegExp(
            `^dead letter ${id} was not replayed: the entry is still invalid: `,
          ),
        );
        expect(await letters.get(id)).toEqual(all[0]);
        expect(await letters.remove(id)).toBe(true);
      });

      it('are not stored for a rejected call', async () => {
        const { letters, send } = await startWith({ invalid: 'reject' });

        expect(await send([message('a'), { Type: 'x' }])).toBe(400);

        expect(await letters.list()).toEqual([]);
      });

      it('are listed and replayed for every instance of the module', async () => {
        const { app, letters, crm } = await startWith(
          { retry: false },
          {
            imports: [
              XeniooModule.forRoot({
                secret: 'right-secret',
                path: 'other',
                retry: false,
                inbox: inbox.create(),
              }),
            ],
          },
        );
        crm.work = failing(2);
        for (const path of [PATH, '/other']) {
          await deliver(app, message(`to ${path}`), { path });
        }
        await idle(app);

        expect(await letters.list()).toHaveLength(2);
        expect(await letters.replayAll()).toBe(2);
        await idle(app);
        expect(crm.saved.toSorted()).toEqual(['to /other', `to ${PATH}`]);
      });
    });
  });
});
