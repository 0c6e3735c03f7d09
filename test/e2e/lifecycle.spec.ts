import { Injectable, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import type { Server } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  memoryInbox,
  OnXenioo,
  XeniooInbox,
  XeniooModule,
  XeniooOptionsError,
  type XeniooModuleAsyncOptions,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import {
  deliver,
  idle,
  senderFor,
  xeniooEntry,
} from '../../lib/testing/index.js';
import {
  CatchAllHandlers,
  startWebhookHost,
} from '../support/start-webhook-host.js';
import { ADAPTERS, startHost } from '../support/host-app.js';
import { LogRecorder } from '../support/log-recorder.js';

const { userMessage } = xeniooEntry;

const OPTIONS = {
  secret: 'right-secret',
  inbox: memoryInbox({ acknowledgeWithinMs: 0 }),
};

/** Creates a handler that is busy until `release()` is called. */
function createSlowHandler(): { Slow: Type; release(): void; done: string[] } {
  const done: string[] = [];
  let release = () => {};
  const released = new Promise<void>(resolve => (release = resolve));

  @Injectable()
  class Slow {
    @OnXenioo()
    async handle() {
      await released;
      done.push('handled');
    }
  }
  return { Slow, done, release: () => release() };
}

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it.each([{ isGlobal: false }, { isGlobal: true }])(
    'handles accepted events before it shuts down (%j)',
    async extras => {
      const { Slow, done, release } = createSlowHandler();
      const { app } = await startWebhookHost(
        adapter,
        { ...OPTIONS, ...extras },
        { providers: [Slow] },
      );
      await deliver(app, [userMessage(), userMessage()]);

      const closed = app.close();
      expect(done).toEqual([]);
      release();
      await closed;

      expect(done).toEqual(['handled', 'handled']);
    },
  );

  it('does not wait longer than shutdownTimeoutMs, and logs how many events are lost', async () => {
    const { Slow, release } = createSlowHandler();
    const { app, logs } = await startWebhookHost(
      adapter,
      { ...OPTIONS, shutdownTimeoutMs: 30 },
      { providers: [Slow] },
    );
    await deliver(app, [userMessage(), userMessage()]);

    await app.close();

    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringMatching(
        /^Stopping before all events are handled; the others are lost \(events: 2\)/,
      ),
    ]);
    release();
  });

  it('shuts down while callers keep their connections open', async () => {
    const { Slow, release } = createSlowHandler();
    const { app, sender } = await startWebhookHost(adapter, OPTIONS, {
      providers: [Slow],
    });
    // On a busy machine a connection would be idle for longer than that.
    (app.getHttpServer() as Server).keepAliveTimeout = 60_000;
    const before = await sender.call(userMessage());

    const closed = app.close();
    await expect
      .poll(() => sender.call(userMessage()))
      .toMatchObject({
        status: 200,
        headers: { connection: 'close' },
        reusedConnection: true,
      });
    release();
    await closed;

    expect(before.headers.connection).not.toBe('close');
  });

  it('runs in a testing module', async () => {
    const testing = await Test.createTestingModule({
      imports: [XeniooModule.forRoot(OPTIONS)],
      providers: [CatchAllHandlers],
    })
      .setLogger(new LogRecorder())
      .compile();
    const app = testing.createNestApplication(ADAPTERS[adapter]());
    onTestFinished(() => app.close());
    await app.init();
    const sender = await senderFor(app);
    onTestFinished(() => sender.close());

    await deliver(app, xeniooEntry.malformed('not-json'));
    const refused = await sender.call(userMessage(), { authorization: null });
    expect(refused.status).toBe(401);

    await idle(app);
    expect(app.get(CatchAllHandlers).invalid).toHaveLength(1);
  });
});

describe('an application without a server', () => {
  it('boots as an application context', async () => {
    const logs = new LogRecorder();
    const app = await NestFactory.createApplicationContext(
      {
        module: class AppModule {},
        imports: [XeniooModule.forRoot(OPTIONS)],
        providers: [CatchAllHandlers],
      },
      { logger: logs },
    );

    expect(logs.ofXenioo()).toEqual([
      'CatchAllHandlers.save handles every event',
      'CatchAllHandlers.quarantine handles invalid entries',
    ]);
    await app.close();
  });

  it('boots as a testing module', async () => {
    const testing = await Test.createTestingModule({
      imports: [XeniooModule.forRoot({ ...OPTIONS, isGlobal: true })],
      providers: [CatchAllHandlers],
    })
      .setLogger(new LogRecorder())
      .compile();
    await testing.init();

    expect(testing.get(XeniooInbox, { strict: false })).toBeDefined();
    await testing.close();
  });
});

describe('the boot with invalid options', () => {
  const boot = (define: () => ReturnType<typeof XeniooModule.forRoot>) =>
    startHost('express', { imports: [define()] });

  it.each<[string, XeniooModuleOptions, RegExp]>([
    [
      'a missing secret',
      {},
      /`secret` to be the API Secret of your bot, got nothing/,
    ],
    [
      'a secret that is not set',
      { secret: process.env['NOT_SET'] },
      /got nothing: check that its environment variable/,
    ],
    [
      'an empty secret',
      { secret: '' },
      /got nothing: check that its environment variable is set/,
    ],
    [
      'an inbox factory that returns nothing',
      { ...OPTIONS, inbox: { useFactory: () => undefined as never } },
      /`inbox.useFactory` to return an instance of a class that extends XeniooInbox, got nothing/,
    ],
    [
      'an option that does not exist',
      { ...OPTIONS, sercet: 'x' } as XeniooModuleOptions,
      /`sercet` is not an option here; the options are secret, bots/,
    ],
  ])('fails for %s', async (_, options, message) => {
    const error = await boot(() => XeniooModule.forRoot(options)).catch(
      (caught: unknown) => caught,
    );

    expect(error).toBeInstanceOf(XeniooOptionsError);
    expect((error as Error).message).toMatch(message);
  });

  it.each<[string, XeniooModuleAsyncOptions, RegExp]>([
    [
      'a factory that returns `path`',
      { useFactory: () => ({ ...OPTIONS, path: 'hooks' }) },
      /`path` must be known when the module is defined: pass it to forRootAsync\(\) beside `useFactory`/,
    ],
    [
      'a factory that returns nothing',
      { useFactory: () => undefined as never },
      /expected an object of options, got nothing/,
    ],
    [
      'a factory that is not a function',
      { useFactory: 5 as never },
      /expected `useFactory` to be a function, got a number/,
    ],
    [
      'a missing factory',
      {},
      /expected exactly one of useFactory, useClass, useExis/,
    ],
    [
      'a factory option beside `useFactory`',
      {
        useFactory: () => OPTIONS,
        secret: 'x',
      } as unknown as XeniooModuleAsyncOptions,
      /`secret` is not an option here/,
    ],
  ])('fails for %s', async (_, options, message) => {
    const start = async () => boot(() => XeniooModule.forRootAsync(options));

    await expect(start()).rejects.toThrow(message);
  });
});
