import {
  Controller,
  Inject,
  Injectable,
  Module,
  Scope,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import {
  ContextIdFactory,
  REQUEST,
  type ContextId,
  type HostComponentInfo,
} from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { XeniooEventType } from '../../../lib/events/xenioo-event-type.js';
import { XeniooEvent } from '../../../lib/events/xenioo.events.js';
import { OnXeniooFailed } from '../../../lib/handlers/on-xenioo-failed.decorator.js';
import { OnXeniooInvalid } from '../../../lib/handlers/on-xenioo-invalid.decorator.js';
import { OnXenioo } from '../../../lib/handlers/on-xenioo.decorator.js';
import { XeniooHandlersModule } from '../../../lib/handlers/xenioo-handlers.module.js';
import type { XeniooHandler } from '../../../lib/handlers/xenioo.handler.js';
import { XeniooExplorer } from '../../../lib/handlers/xenioo.explorer.js';
import { XeniooHandlerError } from '../../../lib/xenioo.errors.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { forgetCheckedClasses } from '../../support/forget-checked-classes.js';
import { eventOf } from '../../support/entry-of.js';

const { UserMessage, TakeOver } = XeniooEventType;

async function startExplorer(metadata: ModuleMetadata) {
  const logs = new LogRecorder();
  const app = await Test.createTestingModule({
    ...metadata,
    imports: [XeniooHandlersModule, ...(metadata.imports ?? [])],
  })
    .setLogger(logs)
    .compile();
  onTestFinished(() => app.close());
  await app.init();
  const explorer = app.get(XeniooExplorer);
  const handlers = explorer.handlersOf(UserMessage);
  return { app, logs, explorer, handlers, names: namesOf(handlers) };
}

const namesOf = (handlers: readonly XeniooHandler[]) =>
  handlers.map(({ name }) => name);

@Injectable()
class Crm {
  readonly saved: XeniooEvent[] = [];

  @OnXenioo(UserMessage)
  save(event: XeniooEvent): void {
    this.saved.push(event);
  }

  undecorated(): void {}
}

describe('XeniooExplorer discovery', () => {
  it('finds a method on a provider and calls it on its instance', async () => {
    const { app, handlers, names } = await startExplorer({ providers: [Crm] });
    const event = eventOf({ Type: 1 });
    await handlers[0]!.call(event);

    expect(names).toEqual(['Crm.save']);
    expect(app.get(Crm).saved).toEqual([event]);
  });

  it('finds a method on a controller', async () => {
    @Controller()
    class Desk {
      @OnXenioo()
      notify(): void {}
    }

    const { names } = await startExplorer({ controllers: [Desk] });

    expect(names).toEqual(['Desk.notify']);
  });

  it('finds a method in a module that no other module uses', async () => {
    @Module({ providers: [Crm] })
    class CrmModule {}

    const { names } = await startExplorer({ imports: [CrmModule] });

    expect(names).toEqual(['Crm.save']);
  });

  it.each([
    ['useClass', { provide: 'CRM', useClass: Crm }],
    ['useFactory', { provide: 'CRM', useFactory: () => new Crm() }],
    ['useFactory later', { provide: 'CRM', useFactory: async () => new Crm() }],
    ['useValue', { provide: 'CRM', useValue: new Crm() }],
  ])('finds a method on a provider made by %s', async (_how, provider) => {
    const { names } = await startExplorer({ providers: [provider] });

    expect(names).toEqual(['Crm.save']);
  });

  it('finds a method once when another token is an alias of its class', async () => {
    const alias = { provide: 'CRM', useExisting: Crm };
    const { names } = await startExplorer({ providers: [Crm, alias] });

    expect(names).toEqual(['Crm.save']);
  });

  it('finds a method once when it has several decorators', async () => {
    class Both {
      @OnXenioo(UserMessage)
      @OnXenioo(TakeOver)
      @OnXeniooInvalid()
      @OnXeniooFailed()
      keep(): void {}
    }

    const { names } = await startExplorer({ providers: [Both] });

    expect(names).toEqual(['Both.keep']);
  });

  it('finds an inherited method under the name of the derived class', async () => {
    class VipCrm extends Crm {}

    const { names } = await startExplorer({ providers: [VipCrm] });

    expect(names).toEqual(['VipCrm.save']);
  });

  it('ignores an overriding method without a decorator', async () => {
    class QuietCrm extends Crm {
      override save(): void {}
    }

    const { names } = await startExplorer({ providers: [QuietCrm] });

    expect(names).toEqual([]);
  });

  it('ignores providers that are not class instances', async () => {
    const { names } = await startExplorer({
      providers: [
        Crm,
        { provide: 'BARE', useValue: Object.create(null) },
        { provide: 'NULL', useValue: null },
        { provide: 'TEXT', useValue: 'text' },
        { provide: 'FUNCTION', useValue: () => {} },
      ],
    });

    expect(names).toEqual(['Crm.save']);
  });

  it('reads no getter', async () => {
    class Lazy {
      get connection(): never {
        throw new Error('not connected');
      }

      @OnXenioo()
      keep(): void {}
    }

    const { names } = await startExplorer({ providers: [Lazy] });

    expect(names).toEqual(['Lazy.keep']);
  });
});

describe('XeniooExplorer with a class whose instances are not singletons', () => {
  it('creates a request-scoped instance for each event, with the event as REQUEST', async () => {
    const seen: [unknown, XeniooEvent, unknown][] = [];

    @Injectable({ scope: Scope.REQUEST })
    class Session {
      constructor(@Inject(REQUEST) readonly request: unknown) {}
    }

    @Injectable()
    class Scoped {
      constructor(private readonly session: Session) {}

      @OnXenioo()
      keep(event: XeniooEvent): void {
        seen.push([this, event, this.session.request]);
      }
    }

    const { handlers, names } = await startExplorer({
      providers: [Session, Scoped],
    });
    const events = [eventOf({ Type: 8 }), eventOf({ Type: 9 })] as const;
    for (const event of events) await handlers[0]!.call(event);

    expect(names).toEqual(['Scoped.keep']);
    expect(seen.map(([, event]) => event)).toEqual(events);
    expect(seen.map(([, , request]) => request)).toEqual(events);
    expect(seen[0]![0]).toBeInstanceOf(Scoped);
    expect(seen[0]![0]).not.toBe(seen[1]![0]);
  });

  it('creates a request-scoped instance for each handler call on one event', async () => {
    const instances = new Set<object>();

    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      @OnXenioo()
      keep(): void {
        instances.add(this);
      }
    }

    const { handlers } = await startExplorer({ providers: [Scoped] });
    const event = eventOf({ Type: 8 });
    await handlers[0]!.call(event);
    await handlers[0]!.call(event);

    expect(instances.size).toBe(2);
  });

  it('supports a request-scoped controller', async () => {
    const requests: unknown[] = [];

    @Controller({ scope: Scope.REQUEST })
    class Desk {
      constructor(@Inject(REQUEST) private readonly request: unknown) {}

      @OnXenioo()
      notify(): void {
        requests.push(this.request);
      }
    }

    const { handlers } = await startExplorer({ controllers: [Desk] });
    const event = eventOf({ Type: 10 });
    await handlers[0]!.call(event);

    expect(requests).toEqual([event]);
  });

  it('supports a transient provider', async () => {
    const instances = new Set<object>();

    @Injectable({ scope: Scope.TRANSIENT })
    class Transient {
      private readonly made = true;

      @OnXenioo()
      keep(): void {
        expect(this.made).toBe(true);
        instances.add(this);
      }
    }

    const { handlers } = await startExplorer({ providers: [Transient] });
    await handlers[0]!.call(eventOf({ Type: 8 }));
    await handlers[0]!.call(eventOf({ Type: 8 }));

    expect(instances.size).toBe(2);
  });

  it('shares a durable instance among the events of one tenant', async () => {
    const instances: object[] = [];

    @Injectable({ scope: Scope.REQUEST, durable: true })
    class Tenant {
      constructor(@Inject(REQUEST) readonly payload: unknown) {}

      @OnXenioo()
      keep(): void {
        instances.push(this);
      }
    }

    useBotAsTenant();
    const { handlers } = await startExplorer({ providers: [Tenant] });
    for (const name of ['support', 'sales', 'support']) {
      await handlers[0]!.call(eventOf({ Type: 8 }, { name }));
    }

    const [support, sales, again] = instances;
    expect(again).toBe(support);
    expect(sales).not.toBe(support);
    expect(sales).toHaveProperty('payload', { bot: 'sales' });
  });

  it('supports a tenant strategy for HTTP requests and events', async () => {
    const requests: unknown[] = [];
    const bots: string[] = [];
    const tenant = ContextIdFactory.create();

    @Injectable({ scope: Scope.REQUEST, durable: true })
    class Tenant {
      constructor(@Inject(REQUEST) private readonly tenant: { id: string }) {}

      @OnXenioo()
      keep(): void {
        bots.push(this.tenant.id);
      }
    }

    ContextIdFactory.apply({
      attach(
        contextId,
        request: XeniooEvent | { headers: Record<string, string> },
      ) {
        requests.push(request);
        const id =
          request instanceof XeniooEvent
            ? request.bot
            : request.headers['x-tenant-id'];
        return {
          resolve: ({ isTreeDurable }: HostComponentInfo) =>
            isTreeDurable ? tenant : contextId,
          payload: { id },
        };
      },
    });
    onTestFinished(() => ContextIdFactory.apply(undefined as never));
    const { handlers } = await startExplorer({ providers: [Tenant] });
    const event = eventOf({ Type: 8 }, { name: 'support' });
    await handlers[0]!.call(event);

    expect(requests.every(request => request === event)).toBe(true);
    expect(bots).toEqual(['support']);
  });

  it('rejects when the constructor throws', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Broken {
      constructor() {
        throw new Error('no connection');
      }

      @OnXenioo()
      keep(): void {}
    }

    const { handlers } = await startExplorer({ providers: [Broken] });

    await expect(handlers[0]!.call(eventOf({ Type: 8 }))).rejects.toThrow(
      'no connection',
    );
  });

  it('rejects when the strategy of the host expects an HTTP request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      @OnXenioo()
      keep(): void {}
    }

    const { handlers } = await startExplorer({ providers: [Scoped] });
    ContextIdFactory.apply({
      attach: (_id, request: { headers: { tenant: string } }) => {
        throw new Error(request.headers.tenant);
      },
    });
    onTestFinished(() => ContextIdFactory.apply(undefined as never));

    await expect(handlers[0]!.call(eventOf({ Type: 8 }))).rejects.toThrow(
      TypeError,
    );
  });
});

describe('XeniooExplorer handler names', () => {
  class Named {
    @OnXenioo(UserMessage, { name: 'audit' })
    @OnXenioo(TakeOver)
    keep(): void {}
  }

  it('uses the `name` of one of the decorators', async () => {
    const { names } = await startExplorer({ providers: [Named] });

    expect(names).toEqual(['audit']);
  });

  it('accepts the same `name` in several decorators', async () => {
    class NamedTwice {
      @OnXenioo(UserMessage, { name: 'audit' })
      @OnXenioo(TakeOver, { name: 'audit' })
      keep(): void {}
    }

    expect((await startExplorer({ providers: [NamedTwice] })).names).toEqual([
      'audit',
    ]);
  });

  it('rejects different names in the decorators of a method', async () => {
    class Conflicting {
      @OnXenioo(UserMessage, { name: 'one' })
      @OnXenioo(TakeOver, { name: 'two' })
      keep(): void {}
    }

    await expect(startExplorer({ providers: [Conflicting] })).rejects.toThrow(
      new XeniooHandlerError(
        'Conflicting.keep has several names, two and one: set `name` in one of its decorators, or the same one in all.',
      ),
    );
  });

  it('rejects the name of another handler', async () => {
    class Other {
      @OnXenioo({ name: 'audit' })
      write(): void {}
    }

    await expect(startExplorer({ providers: [Named, Other] })).rejects.toThrow(
      new XeniooHandlerError(
        'Two Xenioo handlers are named audit, and tasks are stored under the names of their handlers. Provide the class in one module only, or set `name` in one of the decorators.',
      ),
    );
  });

  it('rejects a class that two modules provide', async () => {
    @Module({ providers: [Crm] })
    class CrmModule {}

    await expect(
      startExplorer({ imports: [CrmModule], providers: [Crm] }),
    ).rejects.toThrow('Two Xenioo handlers are named Crm.save, ');
  });
});

describe('XeniooExplorer with two classes of one name', () => {
  const named = (name?: string) => {
    class Alerts {
      @OnXeniooFailed({ name })
      @OnXeniooInvalid({ name })
      notify(): void {}
    }
    return Alerts;
  };

  it('rejects them', async () => {
    await expect(
      startExplorer({ providers: [named(), named()] }),
    ).rejects.toThrow(
      'Two Xenioo handlers are named Alerts.notify, and tasks are stored under the names of their handlers. Provide the class in one module only, or set `name` in one of the decorators.',
    );
  });

  it('accepts them when one has a `name`', async () => {
    const { explorer } = await startExplorer({
      providers: [named(), named('shop')],
    });

    expect(namesOf(explorer.subscribersTo('failed'))).toEqual([
      'Alerts.notify',
      'shop',
    ]);
  });
});

/** Returns a class with a name as a minifier would give it. */
function classNamed(className: string, name?: string) {
  class Minified {
    @OnXenioo({ name })
    handle(): void {}
  }
  Object.defineProperty(Minified, 'name', { value: className });
  return Minified;
}

/** Returns a module with a name as a minifier would give it. */
function minifiedModule(provider: Type) {
  @Module({ providers: [provider] })
  class Minified {}
  Object.defineProperty(Minified, 'name', { value: 't' });
  return Minified;
}

describe('XeniooExplorer.assertStableNames()', () => {
  it.each(['', 'r', 'f', 'e1', '_a', '$t', 'Ab', 'xYz', 'aB3$'])(
    'rejects a class name that looks minified: %j',
    async className => {
      const { explorer } = await startExplorer({
        imports: [minifiedModule(classNamed(className))],
      });

      expect(() => explorer.assertStableNames('/var/xenioo')).toThrow(
        new XeniooHandlerError(
          `The class names in ${className}.handle look minified, and another build may give them to other classes. /var/xenioo stores tasks under the names of their handlers: give each of these handlers a \`name\` in its decorator, or have the minifier keep class names (esbuild: \`keepNames\`, terser: \`keep_classnames\`, swc: \`keepClassNames\`).`,
        ),
      );
    },
  );

  it.each(['Crm', 'Desk', 'audit', 'Büro', '客户'])(
    'accepts the class name %s',
    async name => {
      const { explorer } = await startExplorer({
        imports: [minifiedModule(classNamed(name))],
      });

      expect(() => explorer.assertStableNames('/var/xenioo')).not.toThrow();
    },
  );

  it('accepts a class with a short name in a module with a long one', async () => {
    @Module({ providers: [classNamed('Db')] })
    class AppModule {}
    const { explorer } = await startExplorer({ imports: [AppModule] });

    expect(() => explorer.assertStableNames('/var/xenioo')).not.toThrow();
  });

  it('ignores handlers with a `name` and handlers of dead letters', async () => {
    class Alarm {
      @OnXeniooFailed()
      ring(): void {}
    }
    Object.defineProperty(Alarm, 'name', { value: 'r' });
    const { explorer } = await startExplorer({
      providers: [classNamed('e', 'crm'), Alarm],
    });

    expect(() => explorer.assertStableNames('/var/xenioo')).not.toThrow();
  });

  it('mentions minification when two classes share a short name', async () => {
    const two = { providers: [classNamed('f'), classNamed('f')] };

    await expect(startExplorer(two)).rejects.toThrow(
      /^Two Xenioo handlers are named f\.handle, .* If the code is minified, two classes may have the same name: have the minifier keep class names \(esbuild: `keepNames`/,
    );
  });
});

describe('XeniooExplorer on a method that handles nothing', () => {
  const Wrap =
    () =>
    (
      _target: object,
      _key: string,
      descriptor: TypedPropertyDescriptor<() => void>,
    ): void => {
      const method = descriptor.value!;
      descriptor.value = function wrapped(this: unknown) {
        method.call(this);
      };
    };

  it('warns when another decorator has replaced the method', async () => {
    class Crm {
      @Wrap()
      @OnXenioo()
      save(): void {}

      @OnXenioo()
      @Wrap()
      keep(): void {}
    }
    class VipCrm extends Crm {}
    const { logs, names } = await startExplorer({ providers: [Crm, VipCrm] });

    expect(names).toEqual(['Crm.keep', 'VipCrm.keep']);
    expect(logs.ofXenioo('warn')).toEqual([
      'Crm.save handles nothing: another decorator replaced the method after it was decorated for Xenioo events. Decorators apply from the bottom up: write @OnXenioo(), @OnXeniooInvalid() or @OnXeniooFailed() above the other one.',
    ]);
  });

  it('warns once per process when no module provides the class', async () => {
    forgetCheckedClasses();

    class Provided {
      @OnXenioo()
      save(): void {}
    }
    class Derived extends Provided {}
    class Forgotten {
      @OnXenioo()
      save(): void {}

      @OnXeniooFailed()
      notify(): void {}
    }
    expect(Forgotten.name).toBe('Forgotten');
    const first = await startExplorer({ providers: [Derived] });
    const second = await startExplorer({ providers: [Provided] });

    expect(first.logs.ofXenioo('warn')).toEqual([
      'These decorated methods handle nothing, because no module of this application provides their class: Forgotten.save, Forgotten.notify. Add each class to the `providers` or `controllers` of a module. If it belongs to another application of this process or to a test, ignore this warning; handlers of lazily loaded modules are not supported.',
    ]);
    expect(second.logs.ofXenioo('warn')).toEqual([]);
  });

  it.each([Scope.REQUEST, Scope.TRANSIENT])(
    'does not warn about a provided class of scope %i',
    async scope => {
      forgetCheckedClasses();

      @Injectable({ scope })
      class Scoped {
        @OnXenioo()
        save(): void {}
      }
      const { logs } = await startExplorer({ providers: [Scoped] });

      expect(logs.ofXenioo('warn')).toEqual([]);
    },
  );
});

describe('XeniooExplorer retry options', () => {
  it('uses the `retry` of one of the decorators', async () => {
    class Crm {
      @OnXenioo(UserMessage, { retry: { attempts: 3, delayMs: 5 } })
      @OnXenioo(TakeOver)
      keep(): void {}
    }

    const { handlers } = await startExplorer({ providers: [Crm] });

    expect(handlers[0]!.retry).toEqual({ attempts: 3, delayMs: 5 });
  });

  it('accepts equal `retry` options in several decorators', async () => {
    class Crm {
      @OnXenioo(UserMessage, { retry: { attempts: 3, delayMs: 5 } })
      @OnXenioo(TakeOver, { retry: { delayMs: 5, attempts: 3 } })
      keep(): void {}
    }

    const { handlers } = await startExplorer({ providers: [Crm] });

    expect(handlers[0]!.retry).toEqual({ attempts: 3, delayMs: 5 });
  });

  it('rejects different `retry` options in the decorators of a method', async () => {
    class Conflicting {
      @OnXenioo(UserMessage, { retry: false })
      @OnXenioo(TakeOver, { retry: { attempts: 3 } })
      keep(): void {}
    }

    await expect(startExplorer({ providers: [Conflicting] })).rejects.toThrow(
      new XeniooHandlerError(
        'Conflicting.keep has decorators with different `retry` options. A method is retried as a whole: set `retry` in one of its decorators, or the same one in all.',
      ),
    );
  });
});

describe('XeniooExplorer', () => {
  class Desk {
    @OnXenioo([UserMessage, TakeOver])
    notify(): void {}

    @OnXeniooFailed()
    alarm(): void {}
  }

  class Audit {
    @OnXenioo({ bot: 'support' })
    write(): void {}

    @OnXenioo(UserMessage)
    @OnXeniooInvalid()
    keep(): void {}
  }

  it.each([
    [UserMessage, ['Audit.keep', 'Audit.write', 'Crm.save', 'Desk.notify']],
    [TakeOver, ['Audit.write', 'Desk.notify']],
    [XeniooEventType.HandOver, ['Audit.write']],
    [99, ['Audit.write']],
    [2 ** 53 - 1, ['Audit.write']],
  ])('returns the handlers of event type %i', async (type, names) => {
    const { explorer } = await startExplorer({ providers: [Crm, Desk, Audit] });

    expect(namesOf(explorer.handlersOf(type)).toSorted()).toEqual(names);
  });

  it('finds a handler by name only if it handles events', async () => {
    const { explorer } = await startExplorer({ providers: [Crm, Desk, Audit] });

    expect(explorer.handlerNamed('Crm.save')?.name).toBe('Crm.save');
    expect(explorer.handlerNamed('Audit.keep')?.name).toBe('Audit.keep');
    expect(explorer.handlerNamed('Desk.alarm')).toBeUndefined();
    expect(explorer.handlerNamed('Crm.gone')).toBeUndefined();
  });

  it('returns the subscribers to invalid entries and to failures', async () => {
    const { explorer } = await startExplorer({ providers: [Crm, Desk, Audit] });

    expect(namesOf(explorer.subscribersTo('invalid'))).toEqual(['Audit.keep']);
    expect(namesOf(explorer.subscribersTo('failed'))).toEqual(['Desk.alarm']);
  });
});

describe('XeniooExplorer boot log', () => {
  it('has a line for each handler', async () => {
    class Log {
      @OnXenioo({ bot: 'support' })
      write(): void {}
    }

    const { logs } = await startExplorer({ providers: [Crm, Log] });

    expect(logs.ofXenioo()).toEqual([
      'Crm.save handles user-message',
      'Log.write handles every event of bot support',
    ]);
  });

  it('warns when nothing handles events', async () => {
    const { logs } = await startExplorer({});

    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringMatching(
        /^No method handles Xenioo events: .*@OnXenioo\(\)/,
      ),
    ]);
  });
});

it('XeniooExplorer does not warn when listeners of the event emitter handle the events', async () => {
  @Injectable()
  class Statistics {
    @OnEvent('xenioo.user-message')
    count(): void {}
  }

  const { logs } = await startExplorer({
    imports: [EventEmitterModule.forRoot()],
    providers: [Statistics],
  });

  expect(logs.ofXenioo('warn')).toEqual([]);
});

it('XeniooExplorer warns when the event emitter only has listeners of other events', async () => {
  @Injectable()
  class Orders {
    @OnEvent('order.created')
    count(): void {}
  }

  const { logs } = await startExplorer({
    imports: [EventEmitterModule.forRoot()],
    providers: [Orders],
  });

  expect(logs.ofXenioo('warn')).toEqual([
    expect.stringMatching(/^No method handles Xenioo events/),
  ]);
});

/** Makes the bot of an event the tenant of durable providers. */
function useBotAsTenant(): void {
  const tenants = new Map<string, ContextId>();
  ContextIdFactory.apply({
    attach(contextId, { bot }: XeniooEvent) {
      const tenant = tenants.get(bot) ?? ContextIdFactory.create();
      tenants.set(bot, tenant);
      return {
        resolve: ({ isTreeDurable }: HostComponentInfo) =>
          isTreeDurable ? tenant : contextId,
        payload: { bot },
      };
    },
  });
  onTestFinished(() => ContextIdFactory.apply(undefined as never));
}
