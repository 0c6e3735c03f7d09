import {
  Controller,
  Get,
  Injectable,
  RequestMethod,
  SetMetadata,
  VersioningType,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import { APP_GUARD, Reflector, RouterModule } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { XeniooInbox, XeniooModule } from '../../lib/index.js';
import {
  dispatched,
  idle,
  senderFor,
  xeniooEntry,
} from '../../lib/testing/index.js';
import {
  CatchAllHandlers,
  startWebhookHost,
} from '../support/start-webhook-host.js';
import { startHost } from '../support/host-app.js';
import { senderAt } from '../support/sender-at.js';

const OPTIONS = { secret: 'right-secret' };
const UNDATED = xeniooEntry.userMessage({ Date: undefined });

type Prepare = (app: INestApplication) => void;

const HOSTS: Record<string, [Prepare, string]> = {
  'default settings': [() => {}, '/xenioo/webhook'],
  'a global prefix': [app => app.setGlobalPrefix('api'), '/api/xenioo/webhook'],
  'a prefix that excludes it': [
    app => app.setGlobalPrefix('api', { exclude: ['xenioo/webhook'] }),
    '/xenioo/webhook',
  ],
  'a prefix that excludes it for POST': [
    app =>
      app.setGlobalPrefix('api', {
        exclude: [{ path: 'xenioo/*path', method: RequestMethod.POST }],
      }),
    '/xenioo/webhook',
  ],
  'a prefix with a parameter': [
    app => app.setGlobalPrefix('tenants/:tenant'),
    '/tenants/:tenant/xenioo/webhook',
  ],
  'versions in the URL': [
    app =>
      app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
    '/xenioo/webhook',
  ],
  'versions in a header': [
    app =>
      app.enableVersioning({
        type: VersioningType.HEADER,
        header: 'v',
        defaultVersion: '1',
      }),
    '/xenioo/webhook',
  ],
};

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it.each(Object.entries(HOSTS))(
    'receives calls and logs its URL in a host with %s',
    async (_, [prepare, path]) => {
      const { url, logs, app } = await startWebhookHost(
        adapter,
        {},
        { prepare },
      );

      const sender = senderAt(url(path.replace(':tenant', 'acme')));
      const answer = await sender.call(xeniooEntry.userMessage());

      expect(answer).toMatchObject({ status: 200, body: '' });
      await idle(app);
      expect(dispatched(app, 'CatchAllHandlers.save')).toHaveLength(1);
      expect(logs.ofXenioo('log')).toContain(
        `POST ${path} receives the events of default`,
      );
    },
  );

  it.each(['hooks', '/hooks', 'hooks/', 'deep/er/hooks'])(
    'receives calls at the path %j',
    async path => {
      const { url } = await startWebhookHost(adapter, { path });

      const final = `/${path.replaceAll(/^\/|\/$/g, '')}`;
      expect((await senderAt(url(final)).call([])).status).toBe(200);
    },
  );

  it('receives calls with a trailing slash or a query', async () => {
    const { url } = await startWebhookHost(adapter);

    for (const end of ['/', '?from=xenioo']) {
      const answer = await senderAt(url(`/xenioo/webhook${end}`)).call([]);
      expect(answer.status, end).toBe(200);
    }
  });

  it('receives calls under the prefix of RouterModule', async () => {
    const { url } = await startHost(adapter, {
      imports: [
        XeniooModule.forRoot(OPTIONS),
        RouterModule.register([{ path: 'bots', module: XeniooModule }]),
      ],
    });

    for (const [path, status] of [
      ['/bots/xenioo/webhook', 200],
      ['/xenioo/webhook', 404],
    ] as const) {
      expect((await senderAt(url(path)).call([])).status).toBe(status);
    }
  });

  it('serves two instances with different secrets, and runs handlers once per event', async () => {
    const { app, logs } = await startHost(adapter, {
      imports: [
        XeniooModule.forRoot({ secret: 'first', name: 'one', path: 'one' }),
        XeniooModule.forRootAsync({
          path: 'two',
          useFactory: () => ({ secret: 'second', name: 'two' }),
        }),
      ],
      providers: [CatchAllHandlers],
    });

    const statuses = [];
    for (const path of ['/one', '/two']) {
      for (const secret of ['first', 'second']) {
        const sender = await senderFor(app, { path, secret });
        const { status } = await sender.call(UNDATED);
        sender.close();
        statuses.push(status);
      }
    }

    expect(statuses).toEqual([200, 401, 401, 200]);
    expect(app.get(XeniooInbox, { strict: false, each: true })).toHaveLength(2);
    await idle(app);
    expect(dispatched(app).map(({ event }) => event.bot)).toEqual([
      'one',
      'two',
    ]);
    expect(logs.ofXenioo('log')).toEqual([
      'CatchAllHandlers.save handles every event',
      'CatchAllHandlers.quarantine handles invalid entries',
      'POST /one receives the events of one',
      'POST /two receives the events of two',
    ]);
  });

  it('refuses to boot with two instances on one URL', async () => {
    const start = startHost(adapter, {
      imports: [
        XeniooModule.forRoot({ secret: 'first', path: 'hooks' }),
        XeniooModule.forRoot({ secret: 'second', path: '/hooks/' }),
      ],
    });

    await expect(start).rejects.toThrow(
      'two instances of XeniooModule have the URL /hooks: give each its own `path`',
    );
  });

  it.each(['a/:tenant', 'a/*rest', 'a//b', 'a/%62', 'a{/b}', 'https://a/b'])(
    'rejects %j, which is not a plain path',
    path => {
      expect(() => XeniooModule.forRoot({ ...OPTIONS, path })).toThrow(
        'expected `path` to be a plain path',
      );
    },
  );

  it('passes a global guard if `decorators` contains the decorator that the guard checks', async () => {
    const Public = () => SetMetadata('public', true);

    @Injectable()
    class DenyAll implements CanActivate {
      constructor(private readonly reflector: Reflector) {}

      canActivate(context: ExecutionContext): boolean {
        return (
          this.reflector.getAllAndOverride('public', [
            context.getHandler(),
            context.getClass(),
          ]) === true
        );
      }
    }

    const { url } = await startHost(adapter, {
      imports: [
        XeniooModule.forRoot({ ...OPTIONS, decorators: [Public()] }),
        XeniooModule.forRoot({ ...OPTIONS, path: 'guarded' }),
      ],
      providers: [{ provide: APP_GUARD, useClass: DenyAll }],
    });

    for (const [path, status] of [
      ['/xenioo/webhook', 200],
      ['/guarded', 403],
    ] as const) {
      expect((await senderAt(url(path)).call([])).status).toBe(status);
    }
  });

  it('does not affect other routes of the host', async () => {
    @Controller('health')
    class Health {
      @Get()
      check() {
        return { up: true };
      }
    }

    const { url } = await startHost(adapter, {
      imports: [XeniooModule.forRoot(OPTIONS)],
      controllers: [Health],
    });

    const response = await fetch(url('/health'));
    expect(await response.json()).toEqual({ up: true });
  });
});
