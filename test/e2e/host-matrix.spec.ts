import {
  Injectable,
  UseGuards,
  UseInterceptors,
  type CanActivate,
  type NestInterceptor,
} from '@nestjs/common';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  OnXenioo,
  OnXeniooFailed,
  OnXeniooInvalid,
  XeniooWebhookStatus,
  XeniooModule,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import {
  dispatched,
  forget,
  idle,
  senderFor,
  type XeniooAnswer,
  type XeniooSender,
  type XeniooWireEntry,
} from '../../lib/testing/index.js';
import { CatchAllHandlers } from '../support/start-webhook-host.js';
import { startHost, type AdapterName } from '../support/host-app.js';
import {
  FIVE_MEGABYTES,
  MARKED,
  MATRIX_BODIES,
  SECRETS,
  WRONG_SECRET,
  wrongAuthorizations,
  type MatrixBody,
} from '../support/matrix-bodies.js';
import {
  adapterOf,
  askOf,
  MATRIX_HOSTS,
  OwnController,
  type MatrixHost,
} from '../support/matrix-hosts.js';
import { AcceptOnlyInbox } from '../support/accept-only-inbox.js';
import { recordPrinted } from '../support/record-printed.js';
import { callRaw } from '../support/raw-caller.js';
import { senderAt } from '../support/sender-at.js';

const CALLER = { 'accept-encoding': 'gzip, br', origin: 'https://xenioo.com' };

/** Starts a host and records everything that it prints, logs and answers. */
async function start(adapter: AdapterName, host: MatrixHost) {
  const printed = recordPrinted();
  const paths = host.paths ?? ['xenioo/webhook'];
  const { app, logs, url } = await startHost(
    adapterOf(adapter, host),
    {
      ...host.metadata,
      imports: [
        ...paths.map((path, index) =>
          XeniooModule.forRoot({
            path,
            secret: SECRETS[index]!,
            name: `bot ${index}`,
            decorators: host.decorators ?? [],
          }),
        ),
        ...(host.metadata?.imports ?? []),
      ],
      providers: [CatchAllHandlers, ...(host.metadata?.providers ?? [])],
      controllers: [OwnController],
    },
    host,
  );
  const webhooks = paths.map((path, index) => {
    const at = url(`${host.prefix ?? ''}/${path}`);
    const secret = SECRETS[index]!;
    const sender = senderAt(at, { secret, headers: CALLER });
    return { url: at, secret, sender };
  });
  // Starts the recording of `dispatched()`.
  forget(app);
  const answers: XeniooAnswer[] = [];
  const call = async (
    sender: XeniooSender,
    { body, options }: MatrixBody,
    authorization?: string | null,
  ) => {
    const given = authorization === undefined ? {} : { authorization };
    const answer = await sender.call(body, { ...options, ...given });
    answers.push(answer);
    const challenge = answer.headers['www-authenticate'];
    return { status: answer.status, body: answer.body, challenge };
  };
  return {
    app,
    webhooks,
    call,
    logs,
    status: app.get(XeniooWebhookStatus),
    ask: askOf(url(''), host),
    savedTexts: () =>
      dispatched(app, 'CatchAllHandlers.save')
        .map(({ event }) => (event.raw as XeniooWireEntry).Data)
        .toSorted(),
    quarantined: () =>
      inOrder(app.get(CatchAllHandlers).invalid.map(({ raw }) => raw)),
    leaks: () => leaksIn(logs.lines, printed, answers),
  };
}

/** Returns the outputs that contain a marked word of a call. */
const leaksIn = (...outputs: readonly unknown[][]) =>
  outputs
    .flat()
    .map(part => JSON.stringify(part))
    .filter(text => MARKED.test(text));

const inOrder = (values: readonly unknown[]) =>
  values.map(value => JSON.stringify(value)).toSorted();

const OK = { status: 200, body: '', challenge: undefined };
const REFUSED = { status: 401, body: '', challenge: 'Bearer' };

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  const hosts = Object.entries(MATRIX_HOSTS).filter(
    ([, { only = adapter }]) => only === adapter,
  );

  describe.each(hosts)('in a host that %s', (_, host) => {
    it('answers 200 to the right secret, handles every entry once and leaks nothing', async () => {
      const { app, webhooks, call, status, ...hosted } = await start(
        adapter,
        host,
      );
      const sent: MatrixBody[] = [];

      for (const { url, secret, sender } of webhooks) {
        for (const [name, create] of Object.entries(MATRIX_BODIES)) {
          const body = create();
          sent.push(body);
          const answer = await call(sender, body);
          expect.soft(answer, `${name} at ${url}`).toEqual(OK);
        }
        const behindSlash = MATRIX_BODIES['an object']!();
        sent.push(behindSlash);
        const slash = senderAt(`${url}/`, { secret, headers: CALLER });
        expect(await call(slash, behindSlash, secret)).toEqual(OK);
      }

      await idle(app);
      expect(hosted.savedTexts()).toEqual(
        sent.flatMap(({ texts }) => texts).toSorted(),
      );
      expect(hosted.quarantined()).toEqual(
        inOrder(sent.flatMap(({ kept }) => kept)),
      );
      expect(status).toMatchObject({ strikes: 0, refused: 0 });
      expect(hosted.leaks()).toEqual([]);
    });

    it('answers 401 to a wrong secret and leaks nothing', async () => {
      const { app, webhooks, call, status, ...hosted } = await start(
        adapter,
        host,
      );
      let refused = 0;

      for (const { url, secret, sender } of webhooks) {
        for (const authorization of wrongAuthorizations(secret)) {
          for (const name of ['an object', 'broken JSON', 'gzip', 'chunks']) {
            const body = MATRIX_BODIES[name]!();
            const answer = await call(sender, body, authorization);
            expect
              .soft(answer, `${name}, ${authorization} at ${url}`)
              .toEqual(REFUSED);
            refused++;
          }
        }
      }

      await idle(app);
      expect(dispatched(app)).toEqual([]);
      expect(status).toMatchObject({ strikes: 0, refused });
      expect(hosted.logs.ofXenioo('warn').length).toBeGreaterThan(0);
      expect(hosted.leaks()).toEqual([]);
    });

    it('finds the setting in force on the own route of the host', async () => {
      const { ask } = await start(adapter, host);

      expect(await host.shows(ask, adapter)).toBe(true);
    });
  });

  it('accepts 20,000 events in one call when the host allows 1 KB', async () => {
    const { app, webhooks, call, ...hosted } = await start(
      adapter,
      MATRIX_HOSTS['allows 1 KB']!,
    );
    const [{ sender }] = webhooks as [(typeof webhooks)[0]];
    const body = FIVE_MEGABYTES();
    expect(body.body.length).toBeGreaterThan(5_000_000);

    expect(await call(sender, body)).toEqual(OK);

    await idle(app);
    expect(hosted.savedTexts()).toEqual(body.texts.toSorted());
    expect(hosted.quarantined()).toEqual([]);
    expect(hosted.leaks()).toEqual([]);
  });
});

@Injectable()
class Fails {
  @OnXenioo()
  handle(): never {
    throw new Error('the database is down');
  }

  @OnXeniooInvalid()
  async keep(): Promise<never> {
    throw new Error('the archive is down');
  }

  @OnXeniooFailed()
  async alert(): Promise<never> {
    throw new Error('the pager is down');
  }

  @OnEvent('xenioo.*')
  listen(): never {
    throw new Error('the listener is down');
  }
}

class FailingInbox extends AcceptOnlyInbox {
  async accept(): Promise<never> {
    throw new Error('the disk is full');
  }
}

@Injectable()
class Denies implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

@Injectable()
class Throws implements NestInterceptor {
  intercept(): never {
    throw new Error('the cache is down');
  }
}

const FAILURES: [string, number, Partial<XeniooModuleOptions>][] = [
  [
    'handlers and listeners fail again and again',
    200,
    { retry: { attempts: 3, delayMs: 1 } },
  ],
  ['invalid entries are rejected', 400, { invalid: 'reject' }],
  ['the body is over bodyLimit', 413, { bodyLimit: 64 }],
  ['the inbox fails', 503, { inbox: { useFactory: () => new FailingInbox() } }],
  ['a guard denies', 403, { decorators: [UseGuards(Denies)] }],
  ['an interceptor throws', 503, { decorators: [UseInterceptors(Throws)] }],
];

describe.each(['express', 'fastify'] as const)('a failure on %s', adapter => {
  async function startWith(options: Partial<XeniooModuleOptions>) {
    const printed = recordPrinted();
    const { app, url, logs } = await startHost(adapter, {
      imports: [
        EventEmitterModule.forRoot({ wildcard: true }),
        XeniooModule.forRoot({
          bots: [
            { name: 'support', token: 'support', secret: SECRETS[0] },
            { name: 'shop', token: 'token-potoroo', secret: SECRETS[1] },
          ],
          ...options,
        }),
      ],
      providers: [Fails, Denies, Throws],
    });
    const sender = await senderFor(app, { failures: 'ignore' });
    onTestFinished(() => sender.close());
    return {
      app,
      sender,
      origin: url(''),
      logs,
      leaks: (answers: unknown[]) => leaksIn(logs.lines, printed, answers),
    };
  }

  it.each(FAILURES)(
    'leaks nothing of the call when %s',
    async (_, status, options) => {
      const { app, sender, logs, leaks } = await startWith(options);
      const body = JSON.stringify([
        { Type: 1, Data: 'a numbat', UserName: 'Ada Bilby' },
        { Type: 1, Data: ['a numbat'], UserName: { name: 'Ada Bilby' } },
        { Type: 'a numbat', 'Ada Bilby': 'a numbat' },
        { Type: 1, BotToken: 'token-potoroo', Data: 'a numbat' },
        { Type: 1, BotToken: 'token-dunnart', Date: 'a numbat' },
        { Type: 3, Name: '', Key: 'a numbat'.repeat(9) },
        'a numbat',
      ]);

      const answers = [
        await sender.call(body),
        await sender.call(`${body}, a numbat`),
      ];
      await idle(app);

      expect(answers.map(answer => answer.status)).toEqual([status, status]);
      expect(logs.ofXenioo('error').length).toBeGreaterThan(0);
      expect(leaks(answers)).toEqual([]);
    },
  );

  it('leaks nothing of a body that arrives too slowly', async () => {
    const { origin, logs, leaks } = await startWith({
      bodyTimeoutMs: 50,
    });

    const caller = await callRaw(origin, {
      secret: SECRETS[0],
      body: 'Content-Length: 100',
    });
    caller.socket.write('{"Data":"a numbat');
    await caller.closed;

    expect(logs.ofXenioo('error')).toHaveLength(1);
    expect(leaks([caller.answered()])).toEqual([]);
  });

  it('leaks no secret when the function `bots` fails', async () => {
    let asked = 0;
    const { sender, logs, leaks } = await startWith({
      bots: () => {
        if (asked++ > 0) throw new Error('the vault is down');
        return [{ name: 'support', token: 'dunnart', secret: SECRETS[0] }];
      },
    });

    const authorization = `Bearer ${WRONG_SECRET}`;
    const answers = [
      await sender.call({}, { authorization }),
      await sender.call({}, { authorization }),
      await sender.call({}, { authorization }),
    ];

    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect(logs.ofXenioo('warn').length).toBeGreaterThan(0);
    expect(leaks(answers)).toEqual([]);
  });
});
