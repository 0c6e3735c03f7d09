import { Injectable, Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  InvalidXeniooEntry,
  memoryInbox,
  OnXenioo,
  OnXeniooFailed,
  OnXeniooInvalid,
  UserMessageEvent,
  XeniooDeadLetters,
  XeniooEventType,
  XeniooInbox,
  XeniooModule,
  type XeniooModuleOptions,
  type XeniooTransaction,
} from '../../lib/index.js';
import { lmdbInbox } from '../../lib/lmdb/index.js';
import { postgresInbox } from '../../lib/postgres/index.js';
import {
  deliver,
  dispatched,
  forget,
  idle,
  overrideXenioo,
  received,
  senderFor,
  xeniooConversation,
  xeniooEntry,
  XeniooTestingError,
  xeniooGroup,
  type XeniooOverrides,
} from '../../lib/testing/index.js';
import { ADAPTERS, type AdapterName } from '../support/host-app.js';
import { LogRecorder } from '../support/log-recorder.js';

/** Handlers of a host; the test replaces `work` and `react`. */
@Injectable()
class Crm {
  readonly texts: (string | undefined)[] = [];
  readonly notices: string[] = [];
  work: () => unknown = () => {};
  react: () => unknown = () => new Promise(setImmediate);

  @OnXenioo(XeniooEventType.UserMessage)
  async saveMessage(event: UserMessageEvent) {
    await this.work();
    this.texts.push(event.text);
  }

  @OnXeniooInvalid()
  async keep() {
    await this.react();
    this.notices.push('invalid');
  }

  @OnXeniooFailed()
  async alert() {
    await this.react();
    this.notices.push('failed');
  }
}

async function start(
  adapter: AdapterName,
  instances: Partial<XeniooModuleOptions>[] = [{}],
  {
    overrides = {},
    prepare = () => {},
  }: {
    overrides?: XeniooOverrides;
    prepare?: (app: INestApplication) => void;
  } = {},
) {
  @Module({
    imports: instances.map(options => XeniooModule.forRoot(options)),
    providers: [Crm],
  })
  class AppModule {}
  const testing = overrideXenioo(
    Test.createTestingModule({ imports: [AppModule] }),
    overrides,
  );
  const app = (await testing.compile()).createNestApplication(
    ADAPTERS[adapter](),
  );
  onTestFinished(() => app.close());
  app.useLogger(new LogRecorder());
  prepare(app);
  await app.init();
  return { app, crm: app.get(Crm) };
}

const SECRET = { secret: 'right-secret' };

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it('delivers to an application that does not listen', async () => {
    const { app, crm } = await start(adapter, [SECRET]);

    const report = await deliver(app, xeniooEntry.userMessage({ Data: 'Hi' }));
    await idle(app);

    expect(report).toMatchObject({
      calls: 1,
      events: 1,
      outcomes: { 200: 1 },
      failed: 0,
    });
    expect(crm.texts).toEqual(['Hi']);
  });

  it('delivers several times, also concurrently', async () => {
    const { app, crm } = await start(adapter, [SECRET]);

    const message = (Data: string) => xeniooEntry.userMessage({ Data });
    await Promise.all([deliver(app, message('a')), deliver(app, message('b'))]);
    await deliver(app, message('c'));
    await idle(app);

    expect(crm.texts.toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('rejects if the application is closed at the same time', async () => {
    const { app } = await start(adapter, [SECRET]);

    const closing = app.close();

    await expect(deliver(app, xeniooEntry.userMessage())).rejects.toThrow(
      /no port: it was closed/,
    );
    await closing;
  });

  it('delivers to an application that listens, with a global prefix and a path', async () => {
    const { app, crm } = await start(
      adapter,
      [{ ...SECRET, path: 'hooks/xenioo' }],
      { prepare: app => app.setGlobalPrefix('api') },
    );
    await app.listen(0);

    await deliver(app, [xeniooEntry.userMessage({ Data: 'Hi' })]);
    await idle(app);

    expect(crm.texts).toEqual(['Hi']);
  });

  it('returns the received entries in order, and by type', async () => {
    const { app } = await start(adapter, [SECRET]);
    const conversation = xeniooConversation();

    await deliver(app, conversation);
    await deliver(app, xeniooEntry.malformed());
    await idle(app);

    expect(received(app).map(({ raw }) => raw)).toEqual([
      ...conversation,
      expect.objectContaining({ Data: 42 }),
    ]);
    expect(received(app).at(-1)).toBeInstanceOf(InvalidXeniooEntry);
    const messages = received(app, XeniooEventType.UserMessage);
    expect(messages.map(({ text }) => text)).toEqual(
      conversation
        .filter(({ Type }) => Type === XeniooEventType.UserMessage)
        .map(({ Data }) => Data),
    );
    expect(
      received(app, [XeniooEventType.TakeOver, XeniooEventType.HandOver]).map(
        ({ typeName }) => typeName,
      ),
    ).toEqual(['take-over', 'hand-over']);
  });

  it('returns each attempt of each handler', async () => {
    const { app, crm } = await start(adapter, [
      { ...SECRET, retry: { attempts: 2, delayMs: 1 } },
    ]);
    const error = new Error('CRM is down');
    crm.work = () => {
      throw error;
    };

    await deliver(app, [xeniooEntry.userMessage(), xeniooEntry.malformed()]);
    await idle(app);

    const [event] = received(app);
    expect(dispatched(app)).toEqual([
      { handler: 'Crm.saveMessage', event, attempt: 1, status: 'retry', error },
      {
        handler: 'Crm.saveMessage',
        event,
        attempt: 2,
        status: 'failed',
        error,
      },
    ]);
    expect(await app.get(XeniooDeadLetters).list()).toHaveLength(2);
  });

  it('idle() waits for the handlers of dead letters', async () => {
    const { app, crm } = await start(adapter, [{ ...SECRET, retry: false }]);
    crm.work = () => {
      throw new Error('CRM is down');
    };

    await deliver(app, [xeniooEntry.userMessage(), xeniooEntry.malformed()]);
    await idle(app);

    expect(crm.notices.toSorted()).toEqual(['failed', 'invalid']);
  });

  it('forget() removes the received entries and the attempts', async () => {
    const { app } = await start(adapter, [SECRET]);
    await deliver(app, xeniooEntry.userMessage());
    await idle(app);

    forget(app);

    expect(received(app)).toEqual([]);
    expect(dispatched(app)).toEqual([]);
  });

  it('sends groups of entries and repeated calls', async () => {
    const { app } = await start(adapter, [SECRET]);

    const report = await deliver(app, xeniooGroup(100), {
      grouped: 30,
      repeated: 1,
    });
    await idle(app);

    expect(report).toMatchObject({ calls: 8, events: 200, repeated: 4 });
    expect(received(app)).toHaveLength(200);
    expect(dispatched(app, 'Crm.saveMessage')).toHaveLength(
      received(app, XeniooEventType.UserMessage).length / 2,
    );
  });

  it('rejects when a call is not answered 200, with the answers in the message', async () => {
    const { app } = await start(adapter, [{ ...SECRET, invalid: 'reject' }]);

    await expect(
      deliver(app, [xeniooEntry.userMessage(), xeniooEntry.malformed()]),
    ).rejects.toThrow(
      'Calls not answered 200: 1 of 2. Outcomes: 200 (1×), 400 (1×). See the log of the application for the reason. To test other answers, use senderFor(app).',
    );
  });

  it('returns answers other than 200 from the sender of senderFor()', async () => {
    const { app } = await start(adapter, [SECRET]);
    const sender = await senderFor(app, { secret: 'wrong-secret' });
    onTestFinished(() => sender.close());

    const answer = await sender.call(xeniooEntry.userMessage());

    expect(answer).toMatchObject({ status: 401, failure: 'was answered 401' });
    expect(sender.failuresLeft).toBe(9);
    expect(received(app)).toEqual([]);
  });

  it('selects the bot and the instance by `bot` and `path`', async () => {
    const bots = [
      { name: 'support', token: 'token-a', secret: 'support-secret' },
      { name: 'shop', token: 'token-b', secret: 'shop-secret' },
    ];
    const { app } = await start(adapter, [
      { bots },
      { secret: 'other-secret', name: 'other', path: 'other' },
    ]);

    await deliver(app, xeniooEntry.userMessage(), { bot: 'shop' });
    await deliver(app, xeniooEntry.userMessage(), { bot: 'other' });
    await deliver(app, xeniooEntry.userMessage(), { path: '/other' });
    await deliver(app, xeniooEntry.malformed('foreign-bot'), { bot: 'shop' });
    await idle(app);

    expect(received(app).map(({ bot }) => bot)).toEqual([
      'shop',
      'other',
      'other',
      'shop',
    ]);
    expect(received(app)[3]).toMatchObject({ reason: 'foreign-bot' });
    await expect(deliver(app, {})).rejects.toThrow(
      '2 webhooks of the application match `bot` and `path`; it has /xenioo/webhook (support, shop) and /other (other).',
    );
    await expect(deliver(app, {}, { bot: 'nobody' })).rejects.toThrow(
      'No webhook of the application matches',
    );
  });

  it('uses the given secret while no bot is known', async () => {
    const { app } = await start(adapter, [{ bots: () => [] }]);
    const sender = await senderFor(app, { secret: 'secret-of-tomorrow' });
    onTestFinished(() => sender.close());

    expect(await sender.call([])).toMatchObject({ status: 401 });
    await expect(senderFor(app)).rejects.toThrow(
      'POST /xenioo/webhook has no bot: the function `bots` returned an empty list. Give `secret` in the options.',
    );
  });

  it('accepts a path with and without the global prefix', async () => {
    const { app } = await start(
      adapter,
      [SECRET, { secret: 'other-secret', path: 'other/hook' }],
      { prepare: app => app.setGlobalPrefix('api') },
    );

    await deliver(app, xeniooEntry.userMessage(), { path: 'other/hook' });
    await deliver(app, xeniooEntry.userMessage(), { path: '/api/other/hook' });
    await idle(app);

    expect(dispatched(app)).toHaveLength(2);
  });

  it('does not start a closed application', async () => {
    const { app } = await start(adapter, [SECRET]);
    await app.close();

    await expect(deliver(app, xeniooEntry.userMessage())).rejects.toThrow(
      'The application has no port: it was closed',
    );
    expect((app.getHttpServer() as { listening: boolean }).listening).toBe(
      false,
    );
  });

  it('names the handler that is still running', async () => {
    const { app, crm } = await start(adapter, [
      { ...SECRET, inbox: memoryInbox({ acknowledgeWithinMs: 0 }) },
    ]);
    let end = () => {};
    crm.work = () => new Promise<void>(resolve => (end = resolve));
    await deliver(app, xeniooEntry.userMessage());

    await expect(idle(app, { timeoutMs: 50 })).rejects.toThrow(
      /^Events are still pending after 50 ms\. Crm\.saveMessage has been running for \d+ ms on user-message \S+ \(attempt 1\)\./,
    );
    end();
    await idle(app);
  });

  it('says that a handler of a dead letter may still be running', async () => {
    const { app, crm } = await start(adapter, [
      { ...SECRET, inbox: memoryInbox({ acknowledgeWithinMs: 0 }) },
    ]);
    let end = () => {};
    crm.react = () => new Promise<void>(resolve => (end = resolve));
    await deliver(app, xeniooEntry.malformed());

    await expect(idle(app, { timeoutMs: 50 })).rejects.toThrow(
      'an `@OnXeniooFailed()` or `@OnXeniooInvalid()` handler is still running',
    );
    end();
    await idle(app);
  });

  it('names the handler that waits for a retry', async () => {
    const { app, crm } = await start(adapter, [
      { ...SECRET, retry: { attempts: 2, delayMs: 60_000 } },
    ]);
    crm.work = () => {
      throw new Error('CRM is down');
    };
    await deliver(app, xeniooEntry.userMessage());

    await expect(idle(app, { timeoutMs: 50 })).rejects.toThrow(
      /Crm\.saveMessage waits \d+ ms for attempt 2 on user-message \S+\. If retries take too long/,
    );
  });

  it('rejects an override of `inbox` other than memory', async () => {
    const testing = Test.createTestingModule({});
    const inbox = lmdbInbox({ path: '/nowhere/that/can/be/made' });
    const override = (overrides: object) => () =>
      overrideXenioo(testing, overrides);

    expect(override({ inbox })).toThrow(
      new XeniooTestingError(
        "overrideXenioo(): expected `inbox` to be 'memory', got an object.",
      ),
    );
    expect(override({ inbox: 'lmdb' })).toThrow(/'memory', got "lmdb"/);
    expect(override({ inbox: undefined })).not.toThrow();
  });

  it('overrides only the given options of the application', async () => {
    const { app, crm } = await start(
      adapter,
      [
        {
          name: 'kept',
          retry: { attempts: 10, delayMs: 60_000 },
          inbox: lmdbInbox({ path: '/nowhere/that/can/be/made' }),
        },
      ],
      {
        overrides: {
          secret: 'secret-of-the-test',
          retry: { attempts: 2, delayMs: 1 },
          inbox: 'memory',
        },
      },
    );
    crm.work = () => {
      throw new Error('CRM is down');
    };

    await deliver(app, xeniooEntry.userMessage());
    await idle(app);

    expect(received(app)[0]!.bot).toBe('kept');
    expect(dispatched(app).map(({ status }) => status)).toEqual([
      'retry',
      'failed',
    ]);
    expect(app.get(XeniooInbox, { strict: false }).constructor.name).toBe(
      'MemoryInbox',
    );
  });
});

describe('an application with transactional handlers, tested without a database', () => {
  @Injectable()
  class Transcripts {
    @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
    async save({ text }: UserMessageEvent, tx: XeniooTransaction) {
      await tx.query('INSERT INTO message (text) VALUES ($1)', [text]);
      if (text === 'invalid') throw new Error('not saved');
    }
  }

  async function startTranscripts(overrides: XeniooOverrides) {
    @Module({
      imports: [
        XeniooModule.forRoot({
          ...SECRET,
          retry: false,
          inbox: postgresInbox({
            connection: 'postgres://unreachable.invalid',
          }),
        }),
      ],
      providers: [Transcripts],
    })
    class AppModule {}
    const testing = overrideXenioo(
      Test.createTestingModule({ imports: [AppModule] }),
      { inbox: 'memory', ...overrides },
    );
    const app = (await testing.compile()).createNestApplication();
    onTestFinished(() => app.close());
    app.useLogger(new LogRecorder());
    await app.init();
    return app;
  }

  it('runs them in the transaction of the test', async () => {
    const statements: unknown[] = [];
    const ends: string[] = [];
    const app = await startTranscripts({
      transaction: async work => {
        try {
          await work({
            query: async (text, values) => {
              statements.push({ text, values });
              return { rows: [] };
            },
          });
          ends.push('commit');
        } catch (error) {
          ends.push('rollback');
          throw error;
        }
      },
    });

    await deliver(app, xeniooEntry.userMessage({ Data: 'Hi' }));
    await deliver(app, xeniooEntry.userMessage({ Data: 'invalid' }));
    await idle(app);

    const text = 'INSERT INTO message (text) VALUES ($1)';
    expect(statements).toEqual([
      { text, values: ['Hi'] },
      { text, values: ['invalid'] },
    ]);
    expect(ends).toEqual(['commit', 'rollback']);
    expect(dispatched(app).map(({ status }) => status)).toEqual([
      'done',
      'failed',
    ]);
  });

  it('fails their statements when the test gives no transaction', async () => {
    const app = await startTranscripts({});

    await deliver(app, xeniooEntry.userMessage({ Data: 'Hi' }));
    await idle(app);

    const [letter] = await app.get(XeniooDeadLetters).list();
    expect(letter!.error!.message).toBe(
      "`tx.query()` has no database with `inbox: 'memory'`: pass `transaction` to overrideXenioo().",
    );
  });

  it('rejects a transaction for the inbox of the application', () => {
    expect(() =>
      overrideXenioo(Test.createTestingModule({}), {
        transaction: async () => {},
      }),
    ).toThrow("`transaction` needs `inbox: 'memory'`");
  });
});

describe('an application with a self-signed certificate', () => {
  it('is called', async () => {
    const pem = await readFile(
      new URL('../fixtures/self-signed.pem', import.meta.url),
    );

    @Module({ imports: [XeniooModule.forRoot(SECRET)], providers: [Crm] })
    class AppModule {}
    const app = await NestFactory.create(AppModule, {
      logger: false,
      httpsOptions: { key: pem, cert: pem },
    });
    onTestFinished(() => app.close());
    await app.init();

    await deliver(app, xeniooEntry.userMessage({ Data: 'Hi' }));
    await idle(app);

    expect(app.get(Crm).texts).toEqual(['Hi']);
  });
});

describe('a testing module without an application', () => {
  it('is not called because it has no HTTP server', async () => {
    const testing = Test.createTestingModule({
      imports: [XeniooModule.forRoot(SECRET)],
    });
    const app = await testing.compile();
    onTestFinished(() => app.close());

    await expect(deliver(app as never, {})).rejects.toThrow(
      'Create one with `createNestApplication()`',
    );
  });
});

describe('an application without the module', () => {
  it('is not called, and the error names the missing module', async () => {
    @Module({})
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: false });
    onTestFinished(() => app.close());

    expect(() => received(app)).toThrow('The application has no XeniooModule');
    await expect(deliver(app, {})).rejects.toThrow('no XeniooModule');
  });
});
