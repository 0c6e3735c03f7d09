import {
  Catch,
  Controller,
  ForbiddenException,
  Inject,
  Injectable,
  Module,
  Scope,
  UnauthorizedException,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type ModuleMetadata,
  type NestInterceptor,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import {
  APP_FILTER,
  APP_GUARD,
  APP_INTERCEPTOR,
  APP_PIPE,
  ContextIdFactory,
  DiscoveryModule,
  DiscoveryService,
  ExternalContextCreator,
  ModuleRef,
  REQUEST,
} from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { ClsModule } from 'nestjs-cls';
import { map, of } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createEnhancer,
  DENIED,
  hasEnhancers,
  globalGuardTypes,
} from '../../../lib/handlers/nest-internals.js';
import { LogRecorder } from '../../support/log-recorder.js';

async function startApp(metadata: ModuleMetadata) {
  const app = await Test.createTestingModule({
    ...metadata,
    imports: [DiscoveryModule, ...(metadata.imports ?? [])],
  })
    .setLogger(new LogRecorder())
    .compile();
  onTestFinished(() => app.close());
  await app.init();
  const discovery = app.get(DiscoveryService);
  const wrapperOf = (host: Type) =>
    [...discovery.getProviders(), ...discovery.getControllers()].find(
      ({ metatype }) => metatype === host,
    )!;
  return { app, wrapperOf };
}

const KINDS = ['providers', 'controllers'] as const;

/** Returns `handle` of a class with its guards, interceptors and filters applied. */
async function createEnhancedHandle(
  host: Type<{ handle(value: never): unknown }>,
  kind: (typeof KINDS)[number] = 'providers',
  metadata: ModuleMetadata = {},
) {
  const { app, wrapperOf } = await startApp({
    ...metadata,
    [kind]: [host, ...(metadata[kind] ?? [])],
  });
  const enhance = createEnhancer(wrapperOf(host), 'handle');
  return enhance(app.get(host));
}

@Injectable()
class DeniedEventGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.getArgByIndex<unknown>(0) !== 'denied';
  }
}

@Injectable()
class DoublingInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler<string>) {
    return next.handle().pipe(map(text => text + text));
  }
}

class KnownError extends Error {}

@Catch(KnownError)
class KnownErrorFilter implements ExceptionFilter {
  catch(): void {}
}

describe('hasEnhancers()', () => {
  @Injectable()
  class Desk {
    plain(): void {}

    @UseGuards(DeniedEventGuard)
    guarded(): void {}

    @UseInterceptors(DoublingInterceptor)
    intercepted(): void {}

    @UseFilters(KnownErrorFilter)
    filtered(): void {}
  }

  @UseGuards(DeniedEventGuard)
  @Injectable()
  class Guarded {
    handle(): void {}
  }

  @Injectable()
  class Inherits extends Guarded {}

  @Injectable({ scope: Scope.REQUEST })
  class Scoped {
    @UseGuards(DeniedEventGuard)
    handle(): void {}

    plain(): void {}
  }

  it.each<[string, Type, string, boolean]>([
    ['nothing', Desk, 'plain', false],
    ['a guard', Desk, 'guarded', true],
    ['an interceptor', Desk, 'intercepted', true],
    ['a filter', Desk, 'filtered', true],
    ['a guard on its class', Guarded, 'handle', true],
    ['a guard on the class that its class extends', Inherits, 'handle', true],
    ['a guard, in a class that is made for each event', Scoped, 'handle', true],
    ['nothing, in a class that is made for each event', Scoped, 'plain', false],
  ])('checks a method with %s', async (_what, host, method, expected) => {
    const { wrapperOf } = await startApp({ providers: [host] });

    expect(hasEnhancers(wrapperOf(host), method)).toBe(expected);
  });
});

describe.each(KINDS)('createEnhancer() on %s', kind => {
  @Controller()
  class Desk {
    readonly words = 'handled ';

    @UseGuards(DeniedEventGuard)
    @UseInterceptors(DoublingInterceptor)
    @UseFilters(KnownErrorFilter)
    handle(value: string): string {
      if (value === 'known') throw new KnownError();
      if (value === 'unknown') throw new Error('not caught');
      return this.words;
    }
  }

  it('calls the method on its instance, inside its interceptors', async () => {
    const handle = await createEnhancedHandle(Desk, kind);

    expect(await handle('event')).toBe('handled handled ');
  });

  it('does not call the method when a guard denies', async () => {
    const handle = await createEnhancedHandle(Desk, kind);

    expect(await handle('denied')).toBe(DENIED);
  });

  it('treats an error as handled when a filter returns nothing', async () => {
    const handle = await createEnhancedHandle(Desk, kind);

    expect(await handle('known')).not.toBe(DENIED);
  });

  it('rethrows an unhandled error unchanged', async () => {
    const handle = await createEnhancedHandle(Desk, kind);

    await expect(handle('unknown')).rejects.toThrow(new Error('not caught'));
  });

  it('applies guards, interceptors and filters of the class', async () => {
    @UseGuards(DeniedEventGuard)
    @UseInterceptors(DoublingInterceptor)
    @UseFilters(KnownErrorFilter)
    @Controller()
    class Whole {
      handle(value: string): string {
        if (value === 'known') throw new KnownError();
        return 'handled ';
      }
    }
    const handle = await createEnhancedHandle(Whole, kind);

    expect(await handle('event')).toBe('handled handled ');
    expect(await handle('denied')).toBe(DENIED);
    await expect(handle('known')).resolves.not.toBe(DENIED);
  });

  it('applies guards of the base class', async () => {
    @UseGuards(DeniedEventGuard)
    class Guarded {
      handle(): string {
        return 'handled';
      }
    }

    @Controller()
    class Desk extends Guarded {}
    const handle = await createEnhancedHandle(Desk, kind);

    expect(await handle('event')).toBe('handled');
    expect(await handle('denied')).toBe(DENIED);
  });
});

describe('createEnhancer() with guards, interceptors and filters', () => {
  it('gives them a context of type xenioo with class, method and event', async () => {
    const seen: unknown[] = [];
    const record = (host: ArgumentsHost) =>
      seen.push([host.getType<string>(), host.getArgs()[0]]);

    class Guard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        record(context);
        seen.push([context.getClass(), context.getHandler()]);
        return true;
      }
    }
    class Interceptor implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler) {
        record(context);
        return next.handle();
      }
    }
    class Filter implements ExceptionFilter {
      catch(_error: unknown, host: ArgumentsHost): void {
        record(host);
      }
    }
    class Desk {
      @UseGuards(Guard)
      @UseInterceptors(Interceptor)
      @UseFilters(Filter)
      handle(): void {
        throw new KnownError();
      }
    }
    const event = { text: 'Hello' };
    await (
      await createEnhancedHandle(Desk)
    )(event);

    expect(seen).toEqual([
      ['xenioo', event],
      [Desk, Desk.prototype.handle],
      ['xenioo', event],
      ['xenioo', event],
    ]);
  });

  it('injects providers of the module of the handler', async () => {
    @Injectable()
    class Words {
      readonly denied = 'secret word';
    }

    @Injectable()
    class Guard implements CanActivate {
      constructor(private readonly words: Words) {}

      canActivate(context: ExecutionContext): boolean {
        return context.getArgByIndex<unknown>(0) !== this.words.denied;
      }
    }
    class Desk {
      @UseGuards(Guard)
      handle(): string {
        return 'handled';
      }
    }

    @Module({ providers: [Words], exports: [Words] })
    class WordsModule {}
    const handle = await createEnhancedHandle(Desk, 'providers', {
      imports: [WordsModule],
    });

    expect(await handle('event')).toBe('handled');
    expect(await handle('secret word')).toBe(DENIED);
  });

  it('accepts instances in place of classes', async () => {
    class Desk {
      @UseGuards(new DeniedEventGuard())
      @UseInterceptors(new DoublingInterceptor())
      @UseFilters(new KnownErrorFilter())
      handle(value: string): string {
        if (value === 'known') throw new KnownError();
        return 'handled ';
      }
    }
    const handle = await createEnhancedHandle(Desk);

    expect(await handle('event')).toBe('handled handled ');
    expect(await handle('denied')).toBe(DENIED);
    await expect(handle('known')).resolves.not.toBe(DENIED);
  });

  it('keeps those of different handlers separate', async () => {
    class One {
      @UseGuards(DeniedEventGuard)
      @UseFilters(KnownErrorFilter)
      handle(): void {
        throw new KnownError();
      }
    }
    class Other {
      @UseInterceptors(DoublingInterceptor)
      handle(): void {
        throw new KnownError('not caught');
      }
    }
    const handles = [
      await createEnhancedHandle(One),
      await createEnhancedHandle(Other),
    ] as const;

    await expect(handles[0]('event')).resolves.not.toBe(DENIED);
    await expect(handles[1]('denied')).rejects.toThrow('not caught');
  });

  it('ignores the global ones of the application', async () => {
    const seen: string[] = [];
    class GlobalGuard implements CanActivate {
      canActivate(): boolean {
        seen.push('guard');
        return false;
      }
    }
    class GlobalInterceptor implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        seen.push('interceptor');
        return next.handle();
      }
    }
    @Catch()
    class GlobalFilter implements ExceptionFilter {
      catch(): void {
        seen.push('filter');
      }
    }
    class GlobalPipe implements PipeTransform {
      transform(): void {
        seen.push('pipe');
      }
    }
    class Desk {
      @UseInterceptors(DoublingInterceptor)
      handle(value: string): string {
        if (value === 'unknown') throw new Error('not caught');
        return value;
      }
    }
    const handle = await createEnhancedHandle(Desk, 'providers', {
      providers: [
        { provide: APP_GUARD, useClass: GlobalGuard },
        { provide: APP_INTERCEPTOR, useClass: GlobalInterceptor },
        { provide: APP_FILTER, useClass: GlobalFilter },
        { provide: APP_PIPE, useClass: GlobalPipe },
      ],
    });

    expect(await handle('a')).toBe('aa');
    await expect(handle('unknown')).rejects.toThrow('not caught');
    expect(seen).toEqual([]);
  });
});

describe('createEnhancer() with a guard that denies', () => {
  it('returns DENIED for a promise or an Observable of false', async () => {
    class PromiseGuard implements CanActivate {
      async canActivate(): Promise<boolean> {
        return false;
      }
    }
    class ObservableGuard implements CanActivate {
      canActivate() {
        return of(false);
      }
    }
    class One {
      @UseGuards(PromiseGuard)
      handle(): void {}
    }
    class Other {
      @UseGuards(ObservableGuard)
      handle(): void {}
    }

    expect(await (await createEnhancedHandle(One))('event')).toBe(DENIED);
    expect(await (await createEnhancedHandle(Other))('event')).toBe(DENIED);
  });

  it('passes a ForbiddenException to a filter of the handler', async () => {
    const caught: unknown[] = [];
    @Catch(ForbiddenException)
    class RecordingFilter implements ExceptionFilter {
      catch(error: unknown): void {
        caught.push(error);
      }
    }
    class Desk {
      @UseGuards(DeniedEventGuard)
      @UseFilters(RecordingFilter)
      handle(): void {}
    }
    const handle = await createEnhancedHandle(Desk);

    expect(await handle('denied')).not.toBe(DENIED);
    expect(caught).toMatchObject([
      { status: 403, message: 'Forbidden resource' },
    ]);
  });

  it('does not mistake a ForbiddenException of the method for a denial', async () => {
    class Desk {
      @UseGuards(DeniedEventGuard)
      handle(): void {
        throw new ForbiddenException('the CRM says no');
      }
    }

    await expect((await createEnhancedHandle(Desk))('event')).rejects.toThrow(
      new ForbiddenException('the CRM says no'),
    );
  });

  it('rethrows an error of the guard', async () => {
    class ThrowingGuard implements CanActivate {
      canActivate(): boolean {
        throw new UnauthorizedException('token is expired');
      }
    }
    class Desk {
      @UseGuards(ThrowingGuard)
      handle(): void {}
    }

    await expect((await createEnhancedHandle(Desk))('event')).rejects.toThrow(
      'token is expired',
    );
  });
});

describe('createEnhancer() with a filter', () => {
  const createFailingHandle = (filter: Type<ExceptionFilter>) => {
    class Desk {
      @UseFilters(filter)
      handle(): void {
        throw new KnownError('first');
      }
    }
    return createEnhancedHandle(Desk);
  };

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['false', false],
    ['a value', 1],
    ['a promise', Promise.resolve(undefined)],
  ])(
    'treats the error as handled when the filter returns %s',
    async (_what, result) => {
      @Catch()
      class Filter implements ExceptionFilter {
        catch(): unknown {
          return result;
        }
      }
      const handle = await createFailingHandle(Filter);

      await expect(handle('event')).resolves.not.toBe(DENIED);
    },
  );

  it.each([
    [
      'at once',
      () => {
        throw new Error('second');
      },
    ],
    ['later', async () => Promise.reject(new Error('second'))],
  ])(
    'rejects with the error of a filter that throws %s',
    async (_when, act) => {
      @Catch()
      class Filter implements ExceptionFilter {
        catch(): unknown {
          return act();
        }
      }
      const handle = await createFailingHandle(Filter);

      await expect(handle('event')).rejects.toThrow('second');
    },
  );

  it('rethrows an error that the filter does not catch', async () => {
    @Catch(TypeError)
    class Filter implements ExceptionFilter {
      catch(): void {}
    }
    const handle = await createFailingHandle(Filter);

    await expect(handle('event')).rejects.toThrow('first');
  });

  it.each([
    ['nothing', undefined],
    ['text', 'down'],
    ['a bare object', Object.create(null)],
  ])('rethrows %s without a filter', async (_what, thrown: unknown) => {
    class Desk {
      @UseGuards(DeniedEventGuard)
      async handle(): Promise<void> {
        await Promise.reject(thrown);
      }
    }
    const handle = await createEnhancedHandle(Desk);
    const caught: unknown = await handle('event').then(
      () => 'no error',
      (error: unknown) => error,
    );

    expect(caught).toBe(thrown);
  });
});

describe('createEnhancer() with a request-scoped class', () => {
  it('runs a request-scoped guard for each event', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class RequestScopedGuard implements CanActivate {
      constructor(@Inject(REQUEST) private readonly event: { text: string }) {}

      canActivate(): boolean {
        return this.event.text !== 'denied';
      }
    }

    @Injectable({ scope: Scope.REQUEST })
    class Desk {
      constructor(@Inject(REQUEST) private readonly event: { text: string }) {}

      @UseGuards(RequestScopedGuard)
      handle(): string {
        return this.event.text;
      }
    }
    const { app, wrapperOf } = await startApp({ providers: [Desk] });
    const enhance = createEnhancer(wrapperOf(Desk), 'handle');
    const moduleRef = app.get(ModuleRef);
    const handleEvent = async (event: { text: string }) => {
      const contextId = ContextIdFactory.create();
      moduleRef.registerRequestByContextId(event, contextId);
      const desk = await moduleRef.resolve(Desk, contextId, { strict: false });
      return enhance(desk, contextId)(event);
    };

    expect(await handleEvent({ text: 'Hello' })).toBe('Hello');
    expect(await handleEvent({ text: 'denied' })).toBe(DENIED);
    expect(await handleEvent({ text: 'Bye' })).toBe('Bye');
  });
});

describe('globalGuardTypes()', () => {
  const creatorOf = async (metadata: ModuleMetadata) =>
    (await startApp(metadata)).app.get(ExternalContextCreator);

  it('is empty without global guards, even if a controller has a guard', async () => {
    @UseGuards(DeniedEventGuard)
    @Controller()
    class Desk {}

    expect(globalGuardTypes(await creatorOf({}))).toEqual([]);
    expect(globalGuardTypes(await creatorOf({ controllers: [Desk] }))).toEqual(
      [],
    );
  });

  it.each([
    ['made once', Scope.DEFAULT],
    ['made for each request', Scope.REQUEST],
  ])('returns a guard of APP_GUARD that is %s', async (_what, scope) => {
    const providers = [
      { provide: APP_GUARD, useClass: DeniedEventGuard, scope },
    ];

    expect(globalGuardTypes(await creatorOf({ providers }))).toEqual([
      DeniedEventGuard,
    ]);
  });

  it('returns a guard of useGlobalGuards()', async () => {
    const module = await Test.createTestingModule({})
      .setLogger(new LogRecorder())
      .compile();
    const app = module.createNestApplication();
    onTestFinished(() => app.close());
    app.useGlobalGuards(new DeniedEventGuard());

    expect(globalGuardTypes(app.get(ExternalContextCreator))).toEqual([
      DeniedEventGuard,
    ]);
  });

  it('ignores the guard of nestjs-cls that is not mounted', async () => {
    const imports = [ClsModule.forRoot()];

    expect(globalGuardTypes(await creatorOf({ imports }))).toEqual([]);
  });

  it('returns the class of a guard object that reads the call', async () => {
    const guard = { canActivate: (_context: ExecutionContext) => false };
    const providers = [{ provide: APP_GUARD, useValue: guard }];

    expect(globalGuardTypes(await creatorOf({ providers }))).toEqual([Object]);
  });

  it('ignores global interceptors and filters', async () => {
    const providers = [
      { provide: APP_INTERCEPTOR, useClass: DoublingInterceptor },
      { provide: APP_FILTER, useClass: KnownErrorFilter },
    ];

    expect(globalGuardTypes(await creatorOf({ providers }))).toEqual([]);
  });
});
