import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import { XeniooObservers } from '../../../lib/handlers/xenioo.observers.js';
import {
  InvalidXeniooEntry,
  UserMessageEvent,
  XeniooEventType,
} from '../../../lib/index.js';
import { idle } from '../../../lib/testing/idle.js';
import { dispatched, forget, received } from '../../../lib/testing/received.js';
import { XeniooTestingError } from '../../../lib/simulator/xenioo-testing.errors.js';
import { xeniooEntry } from '../../../lib/simulator/xenioo-entry.js';
import { entryOf } from '../../support/entry-of.js';
import { startContext } from '../../support/testing-context.js';

/** Notifies the observers of a call that was answered 200. */
function notifyAccepted(
  app: INestApplicationContext,
  entries: readonly XeniooEntry[],
): void {
  const delivery = { bot: 'default', receivedAt: new Date(), entries };
  const observers = app.get(XeniooObservers, { strict: false });
  observers.notify('deliveryAccepted', delivery);
}

const message = (Data: string) => xeniooEntry.userMessage({ Data });

describe('dispatched() in an application without a server', () => {
  it('returns each attempt of each handler', async () => {
    const { app, crm, accept } = await startContext({
      retry: { attempts: 2, delayMs: 1 },
    });
    const error = new Error('CRM is down');
    crm.work = ({ text }) => {
      if (text === 'b') throw error;
    };
    expect(dispatched(app)).toEqual([]);

    await accept(message('a'), message('b'), xeniooEntry.malformed());
    await idle(app);

    expect(crm.texts).toEqual(['a']);
    const attempts = dispatched(app).map(({ event, ...attempt }) => ({
      ...attempt,
      of: (event as UserMessageEvent).text,
    }));
    expect(attempts).toHaveLength(3);
    expect(attempts).toEqual(
      expect.arrayContaining([
        { handler: 'Crm.save', of: 'a', attempt: 1, status: 'done' },
        {
          handler: 'Crm.save',
          of: 'b',
          attempt: 1,
          status: 'retry',
          error,
        },
        {
          handler: 'Crm.save',
          of: 'b',
          attempt: 2,
          status: 'failed',
          error,
        },
      ]),
    );
    expect(dispatched(app, 'Crm.save')).toHaveLength(3);
    expect(dispatched(app, 'Nobody.else')).toEqual([]);
  });

  it('returns the thrown value, even one that is not an Error', async () => {
    const { app, crm, accept } = await startContext({ retry: false });
    const thrown = [undefined, null, 'text', 0];
    crm.work = ({ text }) => {
      throw thrown[Number(text)];
    };
    dispatched(app);

    for (const index of thrown.keys()) await accept(message(String(index)));
    await idle(app);

    expect(dispatched(app).map(({ error }) => error)).toEqual(thrown);
  });

  it('records from its first use', async () => {
    const { app, accept, crm } = await startContext();
    await accept(message('before'));
    await expect.poll(() => crm.texts).toEqual(['before']);

    expect(dispatched(app)).toEqual([]);
    await accept(message('after'));
    await idle(app);
    expect(dispatched(app)).toHaveLength(1);
  });
});

describe('recordings of two applications in one process', () => {
  it('are separate and end with their application', async () => {
    const [one, two] = [await startContext(), await startContext()];
    for (const { app } of [one, two]) dispatched(app);
    await one.accept(message('one'));
    await two.accept(message('two'), message('two'));
    await Promise.all([idle(one.app), idle(two.app)]);
    forget(two.app);

    expect(dispatched(one.app)).toHaveLength(1);
    expect(dispatched(two.app)).toEqual([]);

    await one.app.close();
    const next = await startContext();
    expect(dispatched(next.app)).toEqual([]);
    await next.accept(message('next'));
    await idle(next.app);
    expect(dispatched(next.app)).toHaveLength(1);
    expect(dispatched(one.app)).toHaveLength(1);
  });
});

describe('received()', () => {
  it('returns the entries of all calls or those of the given types', async () => {
    const { app } = await startContext();
    expect(received(app)).toEqual([]);
    const entries = [
      xeniooEntry.takeOver(),
      xeniooEntry.userMessage(),
      xeniooEntry.unknown(),
      xeniooEntry.malformed(),
      xeniooEntry.handOver(),
    ].map(entry => entryOf(entry));
    notifyAccepted(app, entries);

    const { UserMessage, TakeOver, HandOver, BotMessage } = XeniooEventType;
    expect(received(app)).toEqual(entries);
    expect(received(app, UserMessage)).toEqual([entries[1]]);
    expect(received(app, [HandOver, TakeOver])).toEqual([
      entries[0],
      entries[4],
    ]);
    expect(received(app, BotMessage)).toEqual([]);
    expect(received(app, [])).toEqual([]);
    expect(received(app)[3]).toBeInstanceOf(InvalidXeniooEntry);
  });

  it('returns a new list each time', async () => {
    const { app } = await startContext();
    received(app);
    const entry = entryOf(xeniooEntry.userMessage());
    notifyAccepted(app, [entry]);

    received(app).push(entry);
    expect(received(app)).toEqual([entry]);

    const before = received(app);
    forget(app);
    expect(before).toEqual([entry]);
    expect(received(app)).toEqual([]);
  });
});

it.each([received, dispatched, forget, idle])(
  '%o throws in an application without the module',
  async ask => {
    @Module({})
    class AppModule {}
    const app = await NestFactory.createApplicationContext(AppModule, {
      logger: false,
    });
    onTestFinished(() => app.close());

    const askApp = async () => ask(app);
    await expect(askApp()).rejects.toThrow(XeniooTestingError);
    await expect(askApp()).rejects.toThrow('no XeniooModule');
  },
);
