import {
  Catch,
  Controller,
  Get,
  HttpException,
  Inject,
  Injectable,
  Module,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import {
  APP_FILTER,
  APP_GUARD,
  APP_INTERCEPTOR,
  APP_PIPE,
  ContextIdFactory,
  REQUEST,
  type ContextId,
  type ContextIdStrategy,
  type HostComponentInfo,
} from '@nestjs/core';
import { EMPTY, of, tap } from 'rxjs';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  OnXenioo,
  UserMessageEvent,
  XeniooEvent,
  XeniooEventType,
  XeniooModule,
} from '../../lib/index.js';
import { deliver, idle, xeniooEntry } from '../../lib/testing/index.js';
import { startHost, type AdapterName } from '../support/host-app.js';

const trace: string[] = [];
beforeEach(() => void trace.splice(0));

@Injectable()
class Words {
  readonly denied = 'deny';
}

/** Denies an event with the denied text; has an injected provider, as guards of hosts do. */
@Injectable()
class Guard implements CanActivate {
  constructor(private readonly words: Words) {}

  canActivate(context: ExecutionContext): boolean {
    const [event] = context.getArgs<[UserMessageEvent]>();
    trace.push(
      `guard ${context.getType<string>()} ${context.getClass().name}.${context.getHandler().name}`,
    );
    return event.text !== this.words.denied;
  }
}

@Injectable()
class Interceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    trace.push('before');
    return next.handle().pipe(tap(() => trace.push('after')));
  }
}

class Known extends Error {}

@Catch(Known)
class Filter implements ExceptionFilter {
  catch(error: Known, host: ArgumentsHost): void {
    trace.push(`filter ${host.getType<string>()} ${error.message}`);
  }
}

@Module({ providers: [Words], exports: [Words] })
class WordsModule {}

// An event that is passed on twice must not be dropped as a duplicate.
const OPTIONS = { secret: 'right-secret', dedupe: false } as const;

async function start(
  adapter: AdapterName,
  {
    providers = [],
    controllers = [],
  }: Pick<Parameters<typeof startHost>[1], 'providers' | 'controllers'>,
) {
  const host = await startHost(adapter, {
    imports: [WordsModule, XeniooModule.forRoot({ ...OPTIONS, retry: false })],
    providers,
    controllers,
  });
  const send = async (...texts: string[]) => {
    const messages = texts.map(Data => xeniooEntry.userMessage({ Data }));
    await deliver(host.app, messages, { grouped: messages.length });
    await idle(host.app);
  };
  return { ...host, send };
}

const KINDS = ['provider', 'controller'] as const;

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  describe.each(KINDS)('a handler on a %s', kind => {
    const startWith = (handlers: new () => object) =>
      start(adapter, { [`${kind}s`]: [handlers] });

    it('runs with the guards, interceptors and filters of the method', async () => {
      @Controller()
      class Desk {
        @UseGuards(Guard)
        @UseInterceptors(Interceptor)
        @UseFilters(Filter)
        @OnXenioo(XeniooEventType.UserMessage)
        handle(event: UserMessageEvent) {
          trace.push(`handle ${event.text}`);
          if (event.text === 'throw') throw new Known('caught');
          if (event.text === 'crash') throw new Error('not caught');
        }
      }

      const { send, logs } = await startWith(Desk);
      await send('hello');
      expect(trace.splice(0)).toEqual([
        'guard xenioo Desk.handle',
        'before',
        'handle hello',
        'after',
      ]);
      await send('deny');
      expect(trace.splice(0)).toEqual(['guard xenioo Desk.handle']);
      await send('throw');
      expect(trace.splice(0)).toEqual([
        'guard xenioo Desk.handle',
        'before',
        'handle throw',
        'filter xenioo caught',
      ]);
      expect(logs.ofXenioo('error')).toEqual([]);
      await send('crash');
      expect(logs.ofXenioo('error')).toEqual([
        expect.stringContaining('Desk.handle failed on user-message'),
      ]);
      expect(logs.lines.filter(({ level }) => level === 'error')).toHaveLength(
        1,
      );
    });

    it('runs with the guards, interceptors and filters of its class', async () => {
      @Controller()
      @UseGuards(Guard)
      @UseInterceptors(Interceptor)
      @UseFilters(Filter)
      class Desk {
        @OnXenioo()
        handle(event: XeniooEvent) {
          trace.push(`handle ${event.typeName}`);
          throw new Known('caught');
        }
      }

      const { send, logs } = await startWith(Desk);
      await send('hello');
      await send('deny');

      expect(trace).toEqual([
        'guard xenioo Desk.handle',
        'before',
        'handle user-message',
        'filter xenioo caught',
        'guard xenioo Desk.handle',
      ]);
      expect(logs.ofXenioo('error')).toEqual([]);
    });

    it('runs with guards and interceptors that are created for each event', async () => {
      @Injectable({ scope: Scope.REQUEST })
      class ScopedGuard implements CanActivate {
        constructor(
          @Inject(REQUEST) private readonly event: UserMessageEvent,
        ) {}

        canActivate(): boolean {
          trace.push(`guard ${this.event.text}`);
          return this.event.text !== 'deny';
        }
      }

      @Controller()
      class Desk {
        @UseGuards(ScopedGuard)
        @OnXenioo(XeniooEventType.UserMessage)
        handle(event: UserMessageEvent) {
          trace.push(`handle ${event.text}`);
        }
      }

      const { send, logs } = await startWith(Desk);
      await send('hello');
      await send('deny');

      expect(logs.ofXenioo('error')).toEqual([]);
      expect(trace).toEqual(['guard hello', 'handle hello', 'guard deny']);
    });
  });

  it('does not run the global guards, pipes, interceptors and filters of the host on handlers', async () => {
    @Injectable()
    class DenyHttp implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        trace.push(`global guard ${context.getType<string>()}`);
        return true;
      }
    }

    @Injectable()
    class GlobalInterceptor implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler) {
        trace.push(`global interceptor ${context.getType<string>()}`);
        return next.handle();
      }
    }

    @Catch()
    class GlobalFilter implements ExceptionFilter {
      catch(): void {
        trace.push('global filter');
      }
    }

    class GlobalPipe implements PipeTransform {
      transform(): never {
        trace.push('global pipe');
        throw new HttpException('no', 400);
      }
    }

    @Injectable()
    class Desk {
      @OnXenioo()
      plain() {
        trace.push('plain');
        throw new Error('failed');
      }

      @UseInterceptors(Interceptor)
      @OnXenioo()
      enhanced() {
        trace.push('enhanced');
      }
    }

    const { send, logs } = await start(adapter, {
      providers: [
        Desk,
        { provide: APP_GUARD, useClass: DenyHttp },
        { provide: APP_INTERCEPTOR, useClass: GlobalInterceptor },
        { provide: APP_FILTER, useClass: GlobalFilter },
        { provide: APP_PIPE, useClass: GlobalPipe },
      ],
    });
    await send('hello');

    expect(trace.slice(0, 2)).toEqual([
      'global guard http',
      'global interceptor http',
    ]);
    expect(trace.slice(2).toSorted()).toEqual([
      'after',
      'before',
      'enhanced',
      'plain',
    ]);
    expect(logs.ofXenioo('error')).toHaveLength(1);
  });

  it('resolves a durable handler for each event', async () => {
    class ByBot implements ContextIdStrategy {
      private readonly tenants = new Map<string, ContextId>();

      attach(contextId: ContextId, { bot }: { bot: string }) {
        const tenant = this.tenants.get(bot) ?? { id: Math.random() };
        this.tenants.set(bot, tenant);
        return {
          resolve: (info: HostComponentInfo) =>
            info.isTreeDurable ? tenant : contextId,
          payload: { bot },
        };
      }
    }
    ContextIdFactory.apply(new ByBot());
    onTestFinished(() =>
      ContextIdFactory.apply(undefined as unknown as ContextIdStrategy),
    );
    const instances = new Set<object>();

    @Injectable({ scope: Scope.REQUEST, durable: true })
    class Durable {
      @OnXenioo()
      handle() {
        instances.add(this);
        trace.push('durable');
      }
    }

    const { send, logs } = await start(adapter, { providers: [Durable] });
    await send('one', 'two');

    expect(logs.ofXenioo('error')).toEqual([]);
    expect(trace).toEqual(['durable', 'durable']);
    expect(instances.size).toBe(1);
  });

  it('subscribes to an Observable that a handler returns', async () => {
    @Injectable()
    class Desk {
      @OnXenioo()
      handle() {
        return of(1).pipe(tap(() => trace.push('observed')));
      }
    }

    const { send } = await start(adapter, { providers: [Desk] });
    await send('hello');

    expect(trace).toEqual(['observed']);
  });

  it.each([
    [
      'a factory',
      (desk: new () => object) => ({
        provide: desk,
        useFactory: () => new desk(),
      }),
    ],
    [
      'a value',
      (desk: new () => object) => ({
        provide: 'DESK',
        useValue: new desk(),
      }),
    ],
  ])(
    'refuses to boot when %s provides a handler whose guard Nest does not create',
    async (_, provide) => {
      class Desk {
        @UseGuards(Guard)
        @OnXenioo()
        handle() {}
      }

      await expect(
        start(adapter, { providers: [provide(Desk)] }),
      ).rejects.toThrow('Desk.handle would run without its Guard');
    },
  );

  it('runs guards that are instances, however the handler was created', async () => {
    class Desk {
      @UseGuards({ canActivate: () => false })
      @OnXenioo()
      handle() {
        trace.push('handle');
      }
    }

    const { send } = await start(adapter, {
      providers: [{ provide: Desk, useFactory: () => new Desk() }],
    });
    await send('hello');

    expect(trace).toEqual([]);
  });

  it('runs the guards of a class that another module provides under an alias', async () => {
    @Injectable()
    class Desk {
      @UseGuards(Guard)
      @OnXenioo()
      handle() {
        trace.push('handle');
      }
    }

    @Module({ imports: [WordsModule], providers: [Desk], exports: [Desk] })
    class DeskModule {}

    @Module({
      imports: [DeskModule],
      providers: [{ provide: 'ALIAS', useExisting: Desk }],
    })
    class AliasModule {}

    const { app } = await startHost(adapter, {
      imports: [AliasModule, DeskModule, XeniooModule.forRoot(OPTIONS)],
    });
    await deliver(app, xeniooEntry.userMessage({ Data: 'deny' }));
    await idle(app);

    expect(trace).toEqual(['guard xenioo Desk.handle']);
  });

  it('accepts an Observable without a value as done, with and without a guard', async () => {
    @Injectable()
    class Desk {
      @OnXenioo()
      plain() {
        return EMPTY;
      }

      @UseInterceptors(Interceptor)
      @OnXenioo()
      enhanced() {
        return EMPTY;
      }
    }

    const { send, logs } = await start(adapter, { providers: [Desk] });
    await send('hello');

    expect(logs.ofXenioo('error')).toEqual([]);
  });

  it('keeps the guards of a controller on its routes', async () => {
    @Controller('desk')
    @UseGuards(Guard)
    class Desk {
      @Get()
      list() {
        return [];
      }

      @OnXenioo()
      handle() {
        trace.push('handle');
      }
    }

    const { url, send } = await start(adapter, { controllers: [Desk] });
    await send('hello');
    await fetch(url('/desk'));

    expect(trace).toEqual([
      'guard xenioo Desk.handle',
      'handle',
      'guard http Desk.list',
    ]);
  });
});
