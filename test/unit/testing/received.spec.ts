import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, it, onTestFinished } from 'vitest';
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
import { parsed } from '../../support/receipt.js';
import { startContext } from '../../support/testing-context.js';

const message = (Data: string) => xeniooEntry.userMessage({ Data });

describe('in an application without a server', () => {
  it('tells each attempt of each handler', async () => {
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
    const told = dispatched(app).map(({ entry, ...attempt }) => ({
      ...attempt,
      of: entry instanceof UserMessageEvent ? entry.text : 'invalid',
    }));
    expect(told).toHaveLength(4);
    expect(told).toEqual(
      expect.arrayContaining([
        { handler: 'Crm.save', of: 'a', attempt: 1, outcome: 'done' },
        {
          handler: 'Crm.save',
          of: 'b',
          attempt: 1,
          outcome: 'to be retried',
          error,
        },
        {
          handler: 'Crm.save',
          of: 'b',
          attempt: 2,
          outcome: 'given up',
          error,
        },
        { handler: 'Crm.keep', of: 'invalid', attempt: 1, outcome: 'done' },
      ]),
    );
    expect(dispatched(app, 'Crm.save')).toHaveLength(3);
    expect(dispatched(app, 'Nobody.else')).toEqual([]);
  });

  it('keeps what a handler threw, whatever it was', async () => {
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

  it('begins when it is first used, and not before', async () => {
    const { app, accept, crm } = await startContext();
    await accept(message('before'));
    await expect.poll(() => crm.texts).toEqual(['before']);

    expect(dispatched(app)).toEqual([]);
    await accept(message('after'));
    await idle(app);
    expect(dispatched(app)).toHaveLength(1);
  });
});

describe('two applications in one process', () => {
  it('do not mix, and one that is closed says nothing of the next', async () => {
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

describe('what was received', () => {
  it('is what calls brought, of all types or of those that are asked for', async () => {
    const { app } = await startContext();
    expect(received(app)).toEqual([]);
    const entries = [
      xeniooEntry.takeOver(),
      xeniooEntry.userMessage(),
      xeniooEntry.unknown(),
      xeniooEntry.malformed(),
      xeniooEntry.handOver(),
    ].map(entry => parsed(entry));
    app.get(XeniooObservers, { strict: false }).received(entries);

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

  it('is a list of its own each time', async () => {
    const { app } = await startContext();
    received(app);
    const entry = parsed(xeniooEntry.userMessage());
    app.get(XeniooObservers, { strict: false }).received([entry]);

    received(app).push(entry);
    expect(received(app)).toEqual([entry]);

    const before = received(app);
    forget(app);
    expect(before).toEqual([entry]);
    expect(received(app)).toEqual([]);
  });
});

it.each([received, dispatched, forget, idle])(
  'an application without the module is told so (%o)',
  async ask => {
    @Module({})
    class AppModule {}
    const app = await NestFactory.createApplicationContext(AppModule, {
      logger: false,
    });
    onTestFinished(() => app.close());

    const asked = async () => ask(app);
    await expect(asked()).rejects.toThrow(XeniooTestingError);
    await expect(asked()).rejects.toThrow('no XeniooModule');
  },
);
