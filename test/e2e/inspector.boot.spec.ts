import {
  Injectable,
  Module,
  Scope,
  UseGuards,
  type CanActivate,
  type ModuleMetadata,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { XeniooModule, XeniooOptionsError } from '../../lib/index.js';
import {
  XeniooInspectorModule,
  type XeniooInspectorModuleAsyncOptions,
  type XeniooInspectorModuleOptions,
  type XeniooInspectorOptionsFactory,
} from '../../lib/inspector/index.js';
import { xeniooEntry } from '../../lib/testing/index.js';
import { ADAPTERS, startHost, type AdapterName } from '../support/host-app.js';
import { optionsErrorOf } from '../support/options-error.js';

@Injectable()
class Admins {
  has(): boolean {
    return true;
  }
}

@Module({ providers: [Admins], exports: [Admins] })
class AdminsModule {}

@Injectable()
class AdminGuard implements CanActivate {
  constructor(private readonly admins: Admins) {}

  canActivate(): boolean {
    return this.admins.has();
  }
}

// The example of docs/inspector.md and README.md.

@Module({
  imports: [
    XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET }),
    XeniooInspectorModule.forRoot({
      imports: [AdminsModule],
      decorators: [UseGuards(AdminGuard)],
    }),
  ],
})
export class AppModule {}

@Injectable({ scope: Scope.REQUEST })
class Tenant {}

@Module({ providers: [Tenant], exports: [Tenant] })
class TenantModule {}

const adapters = Object.keys(ADAPTERS) as AdapterName[];

function start(
  adapter: AdapterName,
  inspector: NonNullable<ModuleMetadata['imports']>[number],
  providers: ModuleMetadata['providers'] = [],
) {
  return startHost(adapter, {
    imports: [XeniooModule.forRoot({ secret: 'right-secret' }), inspector],
    providers,
  });
}

async function bootErrorOf(starting: Promise<unknown>): Promise<unknown> {
  try {
    await starting;
    return undefined;
  } catch (error) {
    return error;
  }
}

function inProduction(): void {
  vi.stubEnv('NODE_ENV', 'production');
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe('the options of the inspector', () => {
  it.each([
    ['no options', undefined, ['expected an object of options, got nothing']],
    [
      'no decorators',
      {},
      [
        'expected `decorators` to be a list of decorators such as [UseGuards(AdminGuard)], got nothing: it guards what the page reads and does. [] makes that open to everyone, which is for development',
      ],
    ],
    [
      'several problems',
      {
        path: 'a/:b',
        decorators: [AdminGuard.name],
        pageDecorators: {},
        readOnly: 1,
        showText: 'never',
        keepEvents: 0,
        other: 1,
      },
      [
        '`other` is not an option here; the options are readOnly, showText, keepEvents, path, decorators, pageDecorators, imports',
        'expected `path` to be a plain path such as \'xenioo/inspector\', without parameters, wildcards or escapes, got "a/:b"',
        'expected `decorators` to be a list of decorators such as [UseGuards(AdminGuard)], got a list',
        'expected `pageDecorators` to be a list of decorators such as [Public()], got an object',
        'expected `readOnly` to be true or false, got 1',
        'expected `showText` to be true or false, got "never"',
        'expected `keepEvents` to be a whole number from 1 to 100000, got 0',
      ],
    ],
    [
      'an empty path',
      { decorators: [], path: '/' },
      ['expected `path` to have a segment, got "/"'],
    ],
  ])(
    'are refused by forRoot(), all problems at once: %s',
    (_, given, problems) => {
      const error = optionsErrorOf(() =>
        XeniooInspectorModule.forRoot(given as XeniooInspectorModuleOptions),
      );

      expect(error?.problems).toEqual(problems);
      expect(error?.message).toMatch(
        /^XeniooInspectorModule failed to start:\n  - /,
      );
    },
  );

  it.each([
    [{ useFactory: () => ({}) }, ['expected `decorators` to be a list']],
    [
      { decorators: [] },
      ['expected exactly one of useFactory, useClass, useExisting, got none'],
    ],
    [
      { decorators: [], useFactory: () => ({}), showText: true },
      ['`showText` is not an option here'],
    ],
  ])('are refused by forRootAsync(): %j', (given, problems) => {
    const error = optionsErrorOf(() =>
      XeniooInspectorModule.forRootAsync(
        given as XeniooInspectorModuleAsyncOptions,
      ),
    );

    expect(error?.problems).toEqual(
      problems.map(problem => expect.stringContaining(problem)),
    );
  });
});

describe.each(adapters)('an application with the inspector on %s', adapter => {
  it('does not boot in production with `decorators: []`', async () => {
    inProduction();

    const error = await bootErrorOf(
      start(adapter, XeniooInspectorModule.forRoot({ decorators: [] })),
    );

    expect(error).toBeInstanceOf(XeniooOptionsError);
    expect(String(error)).toContain(
      "`decorators` is [] and NODE_ENV is 'production'",
    );
  });

  it('warns elsewhere that the inspector is open', async () => {
    const { logs } = await start(
      adapter,
      XeniooInspectorModule.forRoot({ decorators: [] }),
    );

    expect(logs.ofXenioo('warn')).toContain(
      'Everyone who reaches GET /xenioo/inspector/ can read and replay events: `decorators` of XeniooInspectorModule is [].',
    );
  });

  it('boots in production with a guard, whose dependencies come from `imports`', async () => {
    inProduction();

    const { url, logs } = await start(
      adapter,
      XeniooInspectorModule.forRoot({
        imports: [AdminsModule],
        decorators: [UseGuards(AdminGuard)],
      }),
    );

    const { status } = await fetch(url('/xenioo/inspector/api/state'));
    expect(status).toBe(200);
    expect(logs.ofXenioo('warn').join()).not.toContain('Everyone');
  });

  it('boots as the documentation has it, and prints neither texts nor credentials', async () => {
    vi.stubEnv('XENIOO_SECRET', 'right-secret');
    onTestFinished(() => void vi.unstubAllEnvs());
    // The options were read when this file was loaded.
    const { app, url } = await startHost(adapter, {
      imports: [
        XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET }),
        ...(Reflect.getMetadata('imports', AppModule) as object[]).slice(1),
      ] as ModuleMetadata['imports'] & object,
    });
    const aborted = new AbortController();
    onTestFinished(() => aborted.abort());
    const stream = await fetch(url('/xenioo/inspector/api/stream'), {
      headers: { authorization: 'Bearer of-an-admin' },
      signal: aborted.signal,
    });
    const delivered = await fetch(url('/xenioo/webhook'), {
      method: 'POST',
      headers: { authorization: 'Bearer right-secret' },
      body: JSON.stringify(xeniooEntry.userMessage({ Data: 'geheim' })),
    });

    const printed = inspect(app.get(XeniooInspectorModule, { strict: false }), {
      depth: 12,
    });

    expect([stream.status, delivered.status]).toEqual([200, 200]);
    expect(printed).toContain('InspectorStreams');
    expect(printed).not.toMatch(/geheim|of-an-admin|right-secret/);
  });

  it('uses the options that a factory returns', async () => {
    const { url } = await start(
      adapter,
      XeniooInspectorModule.forRootAsync({
        path: 'admin/events',
        decorators: [UseGuards(AdminGuard)],
        imports: [AdminsModule],
        inject: [Admins],
        useFactory: async (admins: Admins) => ({ readOnly: admins.has() }),
      }),
    );

    const response = await fetch(url('/admin/events/api/state'));

    expect(await response.json()).toMatchObject({ readOnly: true });
  });

  it('uses the options of a class', async () => {
    class Settings implements XeniooInspectorOptionsFactory {
      createXeniooInspectorOptions() {
        return { showText: true };
      }
    }
    const { url } = await start(
      adapter,
      XeniooInspectorModule.forRootAsync({
        decorators: [],
        useClass: Settings,
      }),
    );

    const response = await fetch(url('/xenioo/inspector/api/state'));

    expect(await response.json()).toMatchObject({ showText: true });
  });

  it.each([
    [{ keepEvents: -1 }, 'expected `keepEvents` to be a whole number'],
    [
      { decorators: [] },
      '`decorators` must be known when the module is defined',
    ],
    [{ other: 1 }, '`other` is not an option here'],
    [undefined, 'expected an object of options, got nothing'],
  ])('does not boot when the factory returns %j', async (options, problem) => {
    const error = await bootErrorOf(
      start(
        adapter,
        XeniooInspectorModule.forRootAsync({
          decorators: [],
          useFactory: () => options as object,
        }),
      ),
    );

    expect(error).toBeInstanceOf(XeniooOptionsError);
    expect(String(error)).toContain(problem);
  });

  it('does not boot when the factory injects a request-scoped provider', async () => {
    const error = await bootErrorOf(
      start(
        adapter,
        XeniooInspectorModule.forRootAsync({
          decorators: [],
          imports: [TenantModule],
          inject: [Tenant],
          useFactory: () => ({}),
        }),
      ),
    );

    expect(String(error)).toContain(
      'the factory of the options of the inspector injects Tenant, which is request-scoped',
    );
  });

  it('serves the page under a global guard that `pageDecorators` exempt it from', async () => {
    const isPublic = Symbol('isPublic');
    const Public: () => ClassDecorator = () => target =>
      Reflect.defineMetadata(isPublic, true, target);
    class GlobalGuard implements CanActivate {
      canActivate(context: { getClass(): object }): boolean {
        return Reflect.getMetadata(isPublic, context.getClass()) === true;
      }
    }
    const { url } = await start(
      adapter,
      XeniooInspectorModule.forRoot({
        decorators: [UseGuards(AdminGuard)],
        imports: [AdminsModule],
        pageDecorators: [Public()],
      }),
      [{ provide: APP_GUARD, useClass: GlobalGuard }],
    );

    const page = await fetch(url('/xenioo/inspector/'));
    const state = await fetch(url('/xenioo/inspector/api/state'));

    expect([page.status, state.status]).toEqual([200, 403]);
  });

  it('has two inspectors on two paths', async () => {
    const { url } = await startHost(adapter, {
      imports: [
        XeniooModule.forRoot({ secret: 'right-secret' }),
        XeniooInspectorModule.forRoot({ decorators: [], path: 'one' }),
        XeniooInspectorModule.forRoot({
          decorators: [],
          path: 'two',
          readOnly: true,
        }),
      ],
    });

    for (const [path, readOnly] of [
      ['one', false],
      ['two', true],
    ]) {
      const response = await fetch(url(`/${path}/api/state`));
      expect(await response.json()).toMatchObject({ readOnly });
    }
  });

  it('does not boot with two inspectors on one path, of which one may be open', async () => {
    const start = startHost(adapter, {
      imports: [
        XeniooModule.forRoot({ secret: 'right-secret' }),
        XeniooInspectorModule.forRoot({ decorators: [] }),
        XeniooInspectorModule.forRoot({
          imports: [AdminsModule],
          decorators: [UseGuards(AdminGuard)],
        }),
      ],
    });

    // Fastify itself refuses a second route.
    await expect(start).rejects.toThrow(
      adapter === 'express'
        ? 'two instances of XeniooInspectorModule have the URL /xenioo/inspector: give each its own `path`'
        : 'already declared',
    );
  });
});
