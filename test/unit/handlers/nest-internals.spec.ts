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
import { map, of } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createEnhancer,
  DENIED,
  hasEnhancers,
  globalGuardTypes,
} from '../../../lib/handlers/nest-internals.js';
import { LogRecorder } from '../../support/log-recorder.js';

async function start(metadata: ModuleMetadata) {
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

/** Calls `handle` of a class with what is written on it. */
async function enhanced(
  host: Type<{ handle(value: never): unknown }>,
  kind: (typeof KINDS)[number] = 'providers',
  metadata: ModuleMetadata = {},
) {
  const { app, wrapperOf } = await start({
    ...metadata,
    [kind]: [host, ...(metadata[kind] ?? [])],
  });
  const enhance = createEnhancer(wrapperOf(host), 'handle');
  return enhance(app.get(host));
}

@Injectable()
class Asks implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.getArgByIndex<unknown>(0) !== 'denied';
  }
}

@Injectable()
class Doubles implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler<string>) {
    return next.handle().pipe(map(text => text + text));
  }
}

class Known extends Error {}

@Catch(Known)
class Handles implements ExceptionFilter {
  catch(): void {}
}

describe('a method', () => {
  @Injectable()
  class Desk {
    plain(): void {}

    @UseGuards(Asks)
    guarded(): void {}

    @UseInterceptors(Doubles)
    intercepted(): void {}

    @UseFilters(Handles)
    filtered(): void {}
  }

  @UseGuards(Asks)
  @Injectable()
  class Guarded {
    handle(): void {}
  }

  @Injectable()
  class Inherits extends Guarded {}

  @Injectable({ scope: Scope.REQUEST })
  class Scoped {
    @UseGuards(Asks)
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
  ])('with %s is known as such', async (_what, host, method, expected) => {
    const { wrapperOf } = await start({ providers: [host] });

    expect(hasEnhancers(wrapperOf(host), method)).toBe(expected);
  });
});

describe.each(KINDS)('on %s', kind => {
  @Controller()
  class Desk {
    readonly words = 'handled ';

    @UseGuards(Asks)
    @UseInterceptors(Doubles)
    @UseFilters(Handles)
    handle(value: string): string {
      if (value === 'known') throw new Known();
      if (value === 'unknown') throw new Error('not caught');
      return this.words;
    }
  }

  it('a method is called on its instance, within its interceptors', async () => {
    const handle = await enhanced(Desk, kind);

    expect(await handle('event')).toBe('handled handled ');
  });

  it('a guard that denies keeps it from running', async () => {
    const handle = await enhanced(Desk, kind);

    expect(await handle('denied')).toBe(DENIED);
  });

  it('a filter that returns nothing has handled the error', async () => {
    const handle = await enhanced(Desk, kind);

    expect(await handle('known')).not.toBe(DENIED);
  });

  it('an error that no filter handles comes out as it was', async () => {
    const handle = await enhanced(Desk, kind);

    await expect(handle('unknown')).rejects.toThrow(new Error('not caught'));
  });

  it('those on the class work too', async () => {
    @UseGuards(Asks)
    @UseInterceptors(Doubles)
    @UseFilters(Handles)
    @Controller()
    class Whole {
      handle(value: string): string {
        if (value === 'known') throw new Known();
        return 'handled ';
      }
    }
    const handle = await enhanced(Whole, kind);

    expect(await handle('event')).toBe('handled handled ');
    expect(await handle('denied')).toBe(DENIED);
    await expect(handle('known')).resolves.not.toBe(DENIED);
  });

  it('those on the class that it extends work too', async () => {
    @UseGuards(Asks)
    class Guarded {
      handle(): string {
        return 'handled';
      }
    }

    @Controller()
    class Desk extends Guarded {}
    const handle = await enhanced(Desk, kind);

    expect(await handle('event')).toBe('handled');
    expect(await handle('denied')).toBe(DENIED);
  });
});

describe('guards, interceptors and filters', () => {
  it('see a context of type xenioo, with class, method and event', async () => {
    const seen: unknown[] = [];
    const note = (host: ArgumentsHost) =>
      seen.push([host.getType<string>(), host.getArgs()[0]]);

    class Guard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        note(context);
        seen.push([context.getClass(), context.getHandler()]);
        return true;
      }
    }
    class Interceptor implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler) {
        note(context);
        return next.handle();
      }
    }
    class Filter implements ExceptionFilter {
      catch(_error: unknown, host: ArgumentsHost): void {
        note(host);
      }
    }
    class Desk {
      @UseGuards(Guard)
      @UseInterceptors(Interceptor)
      @UseFilters(Filter)
      handle(): void {
        throw new Known();
      }
    }
    const event = { text: 'Hello' };
    await (
      await enhanced(Desk)
    )(event);

    expect(seen).toEqual([
      ['xenioo', event],
      [Desk, Desk.prototype.handle],
      ['xenioo', event],
      ['xenioo', event],
    ]);
  });

  it('inject what the module of the handler has', async () => {
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
    const handle = await enhanced(Desk, 'providers', {
      imports: [WordsModule],
    });

    expect(await handle('event')).toBe('handled');
    expect(await handle('secret word')).toBe(DENIED);
  });

  it('may be instances', async () => {
    class Desk {
      @UseGuards(new Asks())
      @UseInterceptors(new Doubles())
      @UseFilters(new Handles())
      handle(value: string): string {
        if (value === 'known') throw new Known();
        return 'handled ';
      }
    }
    const handle = await enhanced(Desk);

    expect(await handle('event')).toBe('handled handled ');
    expect(await handle('denied')).toBe(DENIED);
    await expect(handle('known')).resolves.not.toBe(DENIED);
  });

  it('of one handler are not those of another', async () => {
    class One {
      @UseGuards(Asks)
      @UseFilters(Handles)
      handle(): void {
        throw new Known();
      }
    }
    class Other {
      @UseInterceptors(Doubles)
      handle(): void {
        throw new Known('not caught');
      }
    }
    const handles = [await enhanced(One), await enhanced(Other)] as const;

    await expect(handles[0]('event')).resolves.not.toBe(DENIED);
    await expect(handles[1]('denied')).rejects.toThrow('not caught');
  });

  it('of the application stay away', async () => {
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
      @UseInterceptors(Doubles)
      handle(value: string): string {
        if (value === 'unknown') throw new Error('not caught');
        return value;
      }
    }
    const handle = await enhanced(Desk, 'providers', {
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

describe('a denial', () => {
  it('is one too where a guard says so later', async () => {
    class Later implements CanActivate {
      async canActivate(): Promise<boolean> {
        return false;
      }
    }
    class Streams implements CanActivate {
      canActivate() {
        return of(false);
      }
    }
    class One {
      @UseGuards(Later)
      handle(): void {}
    }
    class Other {
      @UseGuards(Streams)
      handle(): void {}
    }

    expect(await (await enhanced(One))('event')).toBe(DENIED);
    expect(await (await enhanced(Other))('event')).toBe(DENIED);
  });

  it('is for a filter of the handler what it is elsewhere in Nest', async () => {
    const caught: unknown[] = [];
    @Catch(ForbiddenException)
    class Keeps implements ExceptionFilter {
      catch(error: unknown): void {
        caught.push(error);
      }
    }
    class Desk {
      @UseGuards(Asks)
      @UseFilters(Keeps)
      handle(): void {}
    }
    const handle = await enhanced(Desk);

    expect(await handle('denied')).not.toBe(DENIED);
    expect(caught).toMatchObject([
      { status: 403, message: 'Forbidden resource' },
    ]);
  });

  it('is none where the method itself forbids something', async () => {
    class Desk {
      @UseGuards(Asks)
      handle(): void {
        throw new ForbiddenException('the CRM says no');
      }
    }

    await expect((await enhanced(Desk))('event')).rejects.toThrow(
      new ForbiddenException('the CRM says no'),
    );
  });

  it('is an error where the guard throws one', async () => {
    class Throws implements CanActivate {
      canActivate(): boolean {
        throw new UnauthorizedException('token is expired');
      }
    }
    class Desk {
      @UseGuards(Throws)
      handle(): void {}
    }

    await expect((await enhanced(Desk))('event')).rejects.toThrow(
      'token is expired',
    );
  });
});

describe('a filter', () => {
  const failsWith = (filter: Type<ExceptionFilter>) => {
    class Desk {
      @UseFilters(filter)
      handle(): void {
        throw new Known('first');
      }
    }
    return enhanced(Desk);
  };

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['false', false],
    ['a value', 1],
    ['a promise', Promise.resolve(undefined)],
  ])('that returns %s has handled the error', async (_what, result) => {
    @Catch()
    class Filter implements ExceptionFilter {
      catch(): unknown {
        return result;
      }
    }
    const handle = await failsWith(Filter);

    await expect(handle('event')).resolves.not.toBe(DENIED);
  });

  it.each([
    [
      'at once',
      () => {
        throw new Error('second');
      },
    ],
    ['later', async () => Promise.reject(new Error('second'))],
  ])('that throws %s has not, and its error counts', async (_when, act) => {
    @Catch()
    class Filter implements ExceptionFilter {
      catch(): unknown {
        return act();
      }
    }
    const handle = await failsWith(Filter);

    await expect(handle('event')).rejects.toThrow('second');
  });

  it('for other errors leaves this one', async () => {
    @Catch(TypeError)
    class Filter implements ExceptionFilter {
      catch(): void {}
    }
    const handle = await failsWith(Filter);

    await expect(handle('event')).rejects.toThrow('first');
  });

  it.each([
    ['nothing', undefined],
    ['text', 'down'],
    ['a bare object', Object.create(null)],
  ])('may be absent where %s is thrown', async (_what, thrown: unknown) => {
    class Desk {
      @UseGuards(Asks)
      async handle(): Promise<void> {
        await Promise.reject(thrown);
      }
    }
    const handle = await enhanced(Desk);
    const caught: unknown = await handle('event').then(
      () => 'no error',
      (error: unknown) => error,
    );

    expect(caught).toBe(thrown);
  });
});

describe('a class that is made for each event', () => {
  it('runs with guards that are made for it', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class ByEvent implements CanActivate {
      constructor(@Inject(REQUEST) private readonly event: { text: string }) {}

      canActivate(): boolean {
        return this.event.text !== 'denied';
      }
    }

    @Injectable({ scope: Scope.REQUEST })
    class Desk {
      constructor(@Inject(REQUEST) private readonly event: { text: string }) {}

      @UseGuards(ByEvent)
      handle(): string {
        return this.event.text;
      }
    }
    const { app, wrapperOf } = await start({ providers: [Desk] });
    const enhance = createEnhancer(wrapperOf(Desk), 'handle');
    const moduleRef = app.get(ModuleRef);
    const handled = async (event: { text: string }) => {
      const contextId = ContextIdFactory.create();
      moduleRef.registerRequestByContextId(event, contextId);
      const desk = await moduleRef.resolve(Desk, contextId, { strict: false });
      return enhance(desk, contextId)(event);
    };

    expect(await handled({ text: 'Hello' })).toBe('Hello');
    expect(await handled({ text: 'denied' })).toBe(DENIED);
    expect(await handled({ text: 'Bye' })).toBe('Bye');
  });
});

describe('guards for all routes', () => {
  const creatorOf = async (metadata: ModuleMetadata) =>
    (await start(metadata)).app.get(ExternalContextCreator);

  it('are none as a rule, nor where a route has one of its own', async () => {
    @UseGuards(Asks)
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
  ])('are known where they are %s', async (_what, scope) => {
    const providers = [{ provide: APP_GUARD, useClass: Asks, scope }];

    expect(globalGuardTypes(await creatorOf({ providers }))).toEqual([Asks]);
  });

  it('are known where the host sets them before it listens', async () => {
    const module = await Test.createTestingModule({})
      .setLogger(new LogRecorder())
      .compile();
    const app = module.createNestApplication();
    onTestFinished(() => app.close());
    app.useGlobalGuards(new Asks());

    expect(globalGuardTypes(app.get(ExternalContextCreator))).toEqual([Asks]);
  });

  it('are not taken from interceptors and filters', async () => {
    const providers = [
      { provide: APP_INTERCEPTOR, useClass: Doubles },
      { provide: APP_FILTER, useClass: Handles },
    ];

    expect(globalGuardTypes(await creatorOf({ providers }))).toEqual([]);
  });
});
