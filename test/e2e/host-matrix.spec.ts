import {
  Injectable,
  UseGuards,
  UseInterceptors,
  type CanActivate,
  type NestInterceptor,
} from '@nestjs/common';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  OnXenioo,
  OnXeniooFailed,
  OnXeniooInvalid,
  XeniooHookStatus,
  XeniooInbox,
  XeniooModule,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import { startAnyHost } from '../support/any-host.js';
import { Handled } from '../support/handled.js';
import { ADAPTERS, type AdapterName } from '../support/host-app.js';
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
import { NO_DEAD_LETTERS } from '../support/no-dead-letters.js';
import { recordPrinted } from '../support/printed.js';
import { send, type Got } from '../support/send.js';

const CALLER = { 'accept-encoding': 'gzip, br', origin: 'https://xenioo.com' };

/** Starts a host, and collects everything that comes out of it. */
async function start(adapter: AdapterName, host: MatrixHost) {
  const printed = recordPrinted();
  const paths = host.paths ?? ['xenioo/webhook'];
  const { app, logs, origin } = await startAnyHost(
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
      providers: [Handled, ...(host.metadata?.providers ?? [])],
      controllers: [OwnController],
    },
    host,
  );
  const webhooks = paths.map((path, index) => ({
    url: `${origin}${host.prefix ?? ''}/${path}`,
    secret: SECRETS[index]!,
  }));
  const answers: Got[] = [];
  const call = async (
    url: string,
    authorization: string | undefined,
    { headers, body }: MatrixBody,
  ) => {
    const answer = await send(url, {
      headers: {
        ...CALLER,
        ...headers,
        ...(authorization !== undefined && { authorization }),
      },
      ...(body !== undefined && { body }),
    });
    answers.push(answer);
    return {
      status: answer.status,
      body: answer.body.toString(),
      challenge: answer.headers['www-authenticate'],
    };
  };
  return {
    webhooks,
    call,
    logs,
    handled: app.get(Handled),
    status: app.get(XeniooHookStatus),
    ask: askOf(origin, host),
    idle: () =>
      Promise.all(
        app
          .get(XeniooInbox, { strict: false, each: true })
          .map(inbox => inbox.idle()),
      ),
    everythingSaid: () =>
      [...logs.lines, ...printed, ...answers.map(said)].map(part =>
        JSON.stringify(part),
      ),
  };
}

const said = ({ headers, body }: Got) => ({ headers, body: body.toString() });
const inOrder = (values: readonly unknown[]) =>
  values.map(value => JSON.stringify(value)).toSorted();

const OK = { status: 200, body: '', challenge: undefined };
const REFUSED = { status: 401, body: '', challenge: 'Bearer' };

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  const hosts = Object.entries(MATRIX_HOSTS).filter(
    ([, { only = adapter }]) => only === adapter,
  );

  describe.each(hosts)('where the host %s', (_, host) => {
    it('answers 200 to the right secret, handles everything once, and says nothing of it', async () => {
      const { webhooks, call, handled, status, idle, ...hosted } = await start(
        adapter,
        host,
      );
      const sent: MatrixBody[] = [];

      for (const { url, secret } of webhooks) {
        for (const [name, create] of Object.entries(MATRIX_BODIES)) {
          const body = create();
          sent.push(body);
          const answer = await call(url, `Bearer ${secret}`, body);
          expect.soft(answer, `${name} at ${url}`).toEqual(OK);
        }
        const behindSlash = MATRIX_BODIES['an object']!();
        sent.push(behindSlash);
        expect(await call(`${url}/`, secret, behindSlash)).toEqual(OK);
      }

      await idle();
      expect(handled.events.map(({ raw }) => raw['Data']).toSorted()).toEqual(
        sent.flatMap(({ texts }) => texts).toSorted(),
      );
      expect(inOrder(handled.invalid.map(({ raw }) => raw))).toEqual(
        inOrder(sent.flatMap(({ kept }) => kept)),
      );
      expect(status).toMatchObject({ strikes: 0, refused: 0 });
      const saidOfIt = hosted.everythingSaid().filter(it => MARKED.test(it));
      expect(saidOfIt).toEqual([]);
    });

    it('answers 401 to a wrong secret, and says nothing of it', async () => {
      const { webhooks, call, handled, status, idle, ...hosted } = await start(
        adapter,
        host,
      );
      let refused = 0;

      for (const { url, secret } of webhooks) {
        for (const authorization of wrongAuthorizations(secret)) {
          for (const name of ['an object', 'broken JSON', 'gzip', 'chunks']) {
            const answer = await call(
              url,
              authorization,
              MATRIX_BODIES[name]!(),
            );
            expect
              .soft(answer, `${name}, ${authorization} at ${url}`)
              .toEqual(REFUSED);
            refused++;
          }
        }
      }

      await idle();
      expect(handled).toMatchObject({ events: [], invalid: [] });
      expect(status).toMatchObject({ strikes: 0, refused });
      expect(hosted.logs.ofXenioo('warn').length).toBeGreaterThan(0);
      const saidOfIt = hosted.everythingSaid().filter(it => MARKED.test(it));
      expect(saidOfIt).toEqual([]);
    });

    it('has its habit', async () => {
      const { ask } = await start(adapter, host);

      expect(await host.shows(ask, adapter)).toBe(true);
    });
  });

  it('takes 20,000 events in one call where the host allows 1 KB', async () => {
    const { webhooks, call, handled, idle, ...hosted } = await start(
      adapter,
      MATRIX_HOSTS['allows 1 KB']!,
    );
    const [{ url, secret }] = webhooks as [(typeof webhooks)[0]];
    const body = FIVE_MEGABYTES();
    expect(body.body!.length).toBeGreaterThan(5_000_000);

    expect(await call(url, `Bearer ${secret}`, body)).toEqual(OK);

    await idle();
    expect(handled.events.map(({ raw }) => raw['Data']).toSorted()).toEqual(
      body.texts.toSorted(),
    );
    expect(handled.invalid).toEqual([]);
    const saidOfIt = hosted.everythingSaid().filter(it => MARKED.test(it));
    expect(saidOfIt).toEqual([]);
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

class FailingInbox extends XeniooInbox {
  override readonly deadLetters = NO_DEAD_LETTERS;

  async accept(): Promise<never> {
    throw new Error('the disk is full');
  }
  async start(): Promise<void> {}
  async idle(): Promise<void> {}
  async stop(): Promise<void> {}
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

const MISHAPS: [string, number, Partial<XeniooModuleOptions>][] = [
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

describe.each(['express', 'fastify'] as const)(
  'when something goes wrong on %s',
  adapter => {
    async function startWith(options: Partial<XeniooModuleOptions>) {
      const printed = recordPrinted();
      const host = await startAnyHost(ADAPTERS[adapter](), {
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
      return {
        ...host,
        url: `${host.origin}/xenioo/webhook`,
        saidOfIt: (answers: string[]) =>
          [...host.logs.lines.map(line => JSON.stringify(line)), ...printed]
            .concat(answers)
            .filter(it => MARKED.test(it)),
      };
    }

    it.each(MISHAPS)(
      'says nothing of what came where %s',
      async (_, status, options) => {
        const { app, url, logs, saidOfIt } = await startWith(options);
        const body = JSON.stringify([
          { Type: 1, Data: 'a numbat', UserName: 'Ada Bilby' },
          { Type: 1, Data: ['a numbat'], UserName: { name: 'Ada Bilby' } },
          { Type: 'a numbat', 'Ada Bilby': 'a numbat' },
          { Type: 1, BotToken: 'token-potoroo', Data: 'a numbat' },
          { Type: 1, BotToken: 'token-dunnart', Date: 'a numbat' },
          { Type: 3, Name: '', Key: 'a numbat'.repeat(9) },
          'a numbat',
        ]);
        const headers = { authorization: `Bearer ${SECRETS[0]}` };

        const answers = [
          await send(url, { headers, body }),
          await send(url, { headers, body: `${body}, a numbat` }),
        ];
        await app.get(XeniooInbox, { strict: false }).idle();

        expect(answers.map(answer => answer.status)).toEqual([status, status]);
        expect(logs.ofXenioo('error').length).toBeGreaterThan(0);
        expect(
          saidOfIt(answers.map(answer => JSON.stringify(said(answer)))),
        ).toEqual([]);
      },
    );

    it('says nothing of what came too slowly', async () => {
      const { url, logs, saidOfIt } = await startWith({ bodyTimeoutMs: 50 });
      const { hostname, port } = new URL(url);

      const socket = connect(Number(port), hostname);
      socket.write(
        `POST /xenioo/webhook HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${SECRETS[0]}\r\nContent-Length: 100\r\n\r\n{"Data":"a numbat`,
      );
      const [answer] = (await once(socket, 'data')) as [Buffer];
      await once(socket, 'close');

      expect(logs.ofXenioo('error')).toHaveLength(1);
      expect(saidOfIt([answer.toString()])).toEqual([]);
    });

    it('says nothing of a secret where the bots can’t be asked', async () => {
      let asked = 0;
      const { url, logs, saidOfIt } = await startWith({
        bots: () => {
          if (asked++ > 0) throw new Error('the vault is down');
          return [{ name: 'support', token: 'dunnart', secret: SECRETS[0] }];
        },
      });

      const headers = { authorization: `Bearer ${WRONG_SECRET}` };
      const answers = [
        await send(url, { headers, body: '{}' }),
        await send(url, { headers, body: '{}' }),
        await send(url, { headers, body: '{}' }),
      ];

      expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
      expect(logs.ofXenioo('warn').length).toBeGreaterThan(0);
      expect(
        saidOfIt(answers.map(answer => JSON.stringify(said(answer)))),
      ).toEqual([]);
    });
  },
);
