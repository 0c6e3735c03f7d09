import {
  Controller,
  Inject,
  Injectable,
  Module,
  Scope,
  type ModuleMetadata,
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

async function start(metadata: ModuleMetadata) {
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

describe('a decorated method is found', () => {
  it('on a provider, and called on its instance', async () => {
    const { app, handlers, names } = await start({ providers: [Crm] });
    const event = eventOf({ Type: 1 });
    await handlers[0]!.call(event);

    expect(names).toEqual(['Crm.save']);
    expect(app.get(Crm).saved).toEqual([event]);
  });

  it('on a controller', async () => {
    @Controller()
    class Desk {
      @OnXenioo()
      notify(): void {}
    }

    const { names } = await start({ controllers: [Desk] });

    expect(names).toEqual(['Desk.notify']);
  });

  it('in a module that the others know nothing of', async () => {
    @Module({ providers: [Crm] })
    class CrmModule {}

    const { names } = await start({ imports: [CrmModule] });

    expect(names).toEqual(['Crm.save']);
  });

  it.each([
    ['useClass', { provide: 'CRM', useClass: Crm }],
    ['useFactory', { provide: 'CRM', useFactory: () => new Crm() }],
    ['useFactory later', { provide: 'CRM', useFactory: async () => new Crm() }],
    ['useValue', { provide: 'CRM', useValue: new Crm() }],
  ])('on a provider made by %s', async (_how, provider) => {
    const { names } = await start({ providers: [provider] });

    expect(names).toEqual(['Crm.save']);
  });

  it('once where another token is an alias of its class', async () => {
    const alias = { provide: 'CRM', useExisting: Crm };
    const { names } = await start({ providers: [Crm, alias] });

    expect(names).toEqual(['Crm.save']);
  });

  it('once where it carries several decorators', async () => {
    class Both {
      @OnXenioo(UserMessage)
      @OnXenioo(TakeOver)
      @OnXeniooInvalid()
      @OnXeniooFailed()
      keep(): void {}
    }

    const { names } = await start({ providers: [Both] });

    expect(names).toEqual(['Both.keep']);
  });

  it('where a class inherits it, under the name of that class', async () => {
    class VipCrm extends Crm {}

    const { names } = await start({ providers: [VipCrm] });

    expect(names).toEqual(['VipCrm.save']);
  });

  it('not where a class overrides it without a decorator', async () => {
    class QuietCrm extends Crm {
      override save(): void {}
    }

    const { names } = await start({ providers: [QuietCrm] });

    expect(names).toEqual([]);
  });

  it('beside providers that are no objects of a class', async () => {
    const { names } = await start({
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

  it('without a look at getters', async () => {
    class Lazy {
      get connection(): never {
        throw new Error('not connected');
      }

      @OnXenioo()
      keep(): void {}
    }

    const { names } = await start({ providers: [Lazy] });

    expect(names).toEqual(['Lazy.keep']);
  });
});

describe('a class whose instances last for one event', () => {
  it('of request scope gets an instance an event, and the event as its request', async () => {
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

    const { handlers, names } = await start({ providers: [Session, Scoped] });
    const events = [eventOf({ Type: 8 }), eventOf({ Type: 9 })] as const;
    for (const event of events) await handlers[0]!.call(event);

    expect(names).toEqual(['Scoped.keep']);
    expect(seen.map(([, event]) => event)).toEqual(events);
    expect(seen.map(([, , request]) => request)).toEqual(events);
    expect(seen[0]![0]).toBeInstanceOf(Scoped);
    expect(seen[0]![0]).not.toBe(seen[1]![0]);
  });

  it('gets an instance a handler call, even for the same event', async () => {
    const instances = new Set<object>();

    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      @OnXenioo()
      keep(): void {
        instances.add(this);
      }
    }

    const { handlers } = await start({ providers: [Scoped] });
    const event = eventOf({ Type: 8 });
    await handlers[0]!.call(event);
    await handlers[0]!.call(event);

    expect(instances.size).toBe(2);
  });

  it('may be a controller', async () => {
    const requests: unknown[] = [];

    @Controller({ scope: Scope.REQUEST })
    class Desk {
      constructor(@Inject(REQUEST) private readonly request: unknown) {}

      @OnXenioo()
      notify(): void {
        requests.push(this.request);
      }
    }

    const { handlers } = await start({ controllers: [Desk] });
    const event = eventOf({ Type: 10 });
    await handlers[0]!.call(event);

    expect(requests).toEqual([event]);
  });

  it('may be transient', async () => {
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

    const { handlers } = await start({ providers: [Transient] });
    await handlers[0]!.call(eventOf({ Type: 8 }));
    await handlers[0]!.call(eventOf({ Type: 8 }));

    expect(instances.size).toBe(2);
  });

  it('of durable scope is shared by the events of a tenant', async () => {
    const instances: object[] = [];

    @Injectable({ scope: Scope.REQUEST, durable: true })
    class Tenant {
      constructor(@Inject(REQUEST) readonly payload: unknown) {}

      @OnXenioo()
      keep(): void {
        instances.push(this);
      }
    }

    applyTenants();
    const { handlers } = await start({ providers: [Tenant] });
    for (const name of ['support', 'sales', 'support']) {
      await handlers[0]!.call(eventOf({ Type: 8 }, { name }));
    }

    const [support, sales, again] = instances;
    expect(again).toBe(support);
    expect(sales).not.toBe(support);
    expect(sales).toHaveProperty('payload', { bot: 'sales' });
  });

  it('works with a tenant strategy that reads headers of HTTP requests and the bot of events', async () => {
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
    const { handlers } = await start({ providers: [Tenant] });
    const event = eventOf({ Type: 8 }, { name: 'support' });
    await handlers[0]!.call(event);

    expect(requests.every(request => request === event)).toBe(true);
    expect(bots).toEqual(['support']);
  });

  it('fails where it can’t be made', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Broken {
      constructor() {
        throw new Error('no connection');
      }

      @OnXenioo()
      keep(): void {}
    }

    const { handlers } = await start({ providers: [Broken] });

    await expect(handlers[0]!.call(eventOf({ Type: 8 }))).rejects.toThrow(
      'no connection',
    );
  });

  it('fails where the host’s strategy expects an HTTP request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      @OnXenioo()
      keep(): void {}
    }

    const { handlers } = await start({ providers: [Scoped] });
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

describe('the name of a handler', () => {
  class Named {
    @OnXenioo(UserMessage, { name: 'audit' })
    @OnXenioo(TakeOver)
    keep(): void {}
  }

  it('is the one that a decorator gives', async () => {
    const { names } = await start({ providers: [Named] });

    expect(names).toEqual(['audit']);
  });

  it('may be given twice', async () => {
    class Twice {
      @OnXenioo(UserMessage, { name: 'audit' })
      @OnXenioo(TakeOver, { name: 'audit' })
      keep(): void {}
    }

    expect((await start({ providers: [Twice] })).names).toEqual(['audit']);
  });

  it('stops the boot where the decorators give several', async () => {
    class Torn {
      @OnXenioo(UserMessage, { name: 'one' })
      @OnXenioo(TakeOver, { name: 'two' })
      keep(): void {}
    }

    await expect(start({ providers: [Torn] })).rejects.toThrow(
      new XeniooHandlerError(
        'Torn.keep has several names, two and one: set `name` in one of its decorators, or the same one in all.',
      ),
    );
  });

  it('stops the boot where another handler has it', async () => {
    class Other {
      @OnXenioo({ name: 'audit' })
      write(): void {}
    }

    await expect(start({ providers: [Named, Other] })).rejects.toThrow(
      new XeniooHandlerError(
        'Two Xenioo handlers are named audit, and tasks are stored under the names of their handlers. Provide the class in one module only, or set `name` in one of the decorators.',
      ),
    );
  });

  it('stops the boot where two modules provide the class', async () => {
    @Module({ providers: [Crm] })
    class CrmModule {}

    await expect(
      start({ imports: [CrmModule], providers: [Crm] }),
    ).rejects.toThrow('Two Xenioo handlers are named Crm.save, ');
  });
});

describe('two classes of one name with @OnXeniooFailed()', () => {
  const named = (name?: string) => {
    class Alerts {
      @OnXeniooFailed({ name })
      @OnXeniooInvalid({ name })
      tell(): void {}
    }
    return Alerts;
  };

  it('stop the boot', async () => {
    await expect(start({ providers: [named(), named()] })).rejects.toThrow(
      'Two Xenioo handlers are named Alerts.tell, and tasks are stored under the names of their handlers. Provide the class in one module only, or set `name` in one of the decorators.',
    );
  });

  it('work where one has a `name`', async () => {
    const { explorer } = await start({ providers: [named(), named('shop')] });

    expect(namesOf(explorer.subscribersTo('failed'))).toEqual([
      'Alerts.tell',
      'shop',
    ]);
  });
});

/** A class as a minifier would name it. */
function minifiedTo(className: string, name?: string) {
  class Minified {
    @OnXenioo({ name })
    handle(): void {}
  }
  Object.defineProperty(Minified, 'name', { value: className });
  return Minified;
}

describe('a class name that looks minified', () => {
  it.each(['', 'r', 'f', 'e1', '_a', '$t', 'Ab', 'xYz', 'aB3$'])(
    'can’t name a handler whose inbox stores tasks: %j',
    async className => {
      const { explorer } = await start({ providers: [minifiedTo(className)] });

      expect(() => explorer.assertStableNames('/var/xenioo')).toThrow(
        new XeniooHandlerError(
          `The class names in ${className}.handle look minified, and another build may give them to other classes. /var/xenioo stores tasks under the names of their handlers: give each of these handlers a \`name\` in its decorator, or have the minifier keep class names (esbuild: \`keepNames\`, terser: \`keep_classnames\`, swc: \`keepClassNames\`).`,
        ),
      );
    },
  );

  it.each(['Crm', 'Desk', 'audit', 'Büro', '客户'])('is not %s', async name => {
    const { explorer } = await start({ providers: [minifiedTo(name)] });

    expect(() => explorer.assertStableNames('/var/xenioo')).not.toThrow();
  });

  it('does not matter where the handler has a `name`, or hears of dead letters alone', async () => {
    class Alarm {
      @OnXeniooFailed()
      ring(): void {}
    }
    Object.defineProperty(Alarm, 'name', { value: 'r' });
    const { explorer } = await start({
      providers: [minifiedTo('e', 'crm'), Alarm],
    });

    expect(() => explorer.assertStableNames('/var/xenioo')).not.toThrow();
  });

  it('is mentioned where two classes have it', async () => {
    const two = { providers: [minifiedTo('f'), minifiedTo('f')] };

    await expect(start(two)).rejects.toThrow(
      /^Two Xenioo handlers are named f\.handle, .* If the code is minified, two classes may have become one name: have the minifier keep class names \(esbuild: `keepNames`/,
    );
  });
});

describe('a decorated method that handles nothing', () => {
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

  it('is named where another decorator replaced it', async () => {
    class Crm {
      @Wrap()
      @OnXenioo()
      save(): void {}

      @OnXenioo()
      @Wrap()
      keep(): void {}
    }
    class VipCrm extends Crm {}
    const { logs, names } = await start({ providers: [Crm, VipCrm] });

    expect(names).toEqual(['Crm.keep', 'VipCrm.keep']);
    expect(logs.ofXenioo('warn')).toEqual([
      'Crm.save handles nothing: another decorator replaced the method after it was decorated for Xenioo events. Decorators apply from the bottom up: write @OnXenioo(), @OnXeniooInvalid() or @OnXeniooFailed() above the other one.',
    ]);
  });

  it('is named where no module provides its class, once in a process', async () => {
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
      tell(): void {}
    }
    expect(Forgotten.name).toBe('Forgotten');
    const first = await start({ providers: [Derived] });
    const second = await start({ providers: [Provided] });

    expect(first.logs.ofXenioo('warn')).toEqual([
      'These decorated methods handle nothing, because no module of this application provides their class: Forgotten.save, Forgotten.tell. Add each class to the `providers` or `controllers` of a module. If it belongs to another application of this process or to a test, ignore this warning; handlers of lazily loaded modules are not supported.',
    ]);
    expect(second.logs.ofXenioo('warn')).toEqual([]);
  });

  it.each([Scope.REQUEST, Scope.TRANSIENT])(
    'is not one of a class of scope %i',
    async scope => {
      forgetCheckedClasses();

      @Injectable({ scope })
      class Scoped {
        @OnXenioo()
        save(): void {}
      }
      const { logs } = await start({ providers: [Scoped] });

      expect(logs.ofXenioo('warn')).toEqual([]);
    },
  );
});

describe('what a handler says of retries', () => {
  it('is what one of its decorators says', async () => {
    class Patient {
      @OnXenioo(UserMessage, { retry: { attempts: 3, delayMs: 5 } })
      @OnXenioo(TakeOver)
      keep(): void {}
    }

    const { handlers } = await start({ providers: [Patient] });

    expect(handlers[0]!.retry).toEqual({ attempts: 3, delayMs: 5 });
  });

  it('may be said twice, in any order', async () => {
    class Patient {
      @OnXenioo(UserMessage, { retry: { attempts: 3, delayMs: 5 } })
      @OnXenioo(TakeOver, { retry: { delayMs: 5, attempts: 3 } })
      keep(): void {}
    }

    const { handlers } = await start({ providers: [Patient] });

    expect(handlers[0]!.retry).toEqual({ attempts: 3, delayMs: 5 });
  });

  it('stops the boot where the decorators differ', async () => {
    class Torn {
      @OnXenioo(UserMessage, { retry: false })
      @OnXenioo(TakeOver, { retry: { attempts: 3 } })
      keep(): void {}
    }

    await expect(start({ providers: [Torn] })).rejects.toThrow(
      new XeniooHandlerError(
        'Torn.keep has decorators with different `retry` options. A method is retried as a whole: set `retry` in one of its decorators, or the same one in all.',
      ),
    );
  });
});

describe('the handlers of an event type', () => {
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
  ])('are those that subscribe to it: %i', async (type, names) => {
    const { explorer } = await start({ providers: [Crm, Desk, Audit] });

    expect(namesOf(explorer.handlersOf(type)).toSorted()).toEqual(names);
  });

  it('are found by name, if they handle events', async () => {
    const { explorer } = await start({ providers: [Crm, Desk, Audit] });

    expect(explorer.handlerNamed('Crm.save')?.name).toBe('Crm.save');
    expect(explorer.handlerNamed('Audit.keep')?.name).toBe('Audit.keep');
    expect(explorer.handlerNamed('Desk.alarm')).toBeUndefined();
    expect(explorer.handlerNamed('Crm.gone')).toBeUndefined();
  });

  it('are none of those that subscribe to dead letters alone', async () => {
    const { explorer } = await start({ providers: [Crm, Desk, Audit] });

    expect(namesOf(explorer.subscribersTo('invalid'))).toEqual(['Audit.keep']);
    expect(namesOf(explorer.subscribersTo('failed'))).toEqual(['Desk.alarm']);
  });
});

describe('the boot log', () => {
  it('has a line for each handler', async () => {
    class Log {
      @OnXenioo({ bot: 'support' })
      write(): void {}
    }

    const { logs } = await start({ providers: [Crm, Log] });

    expect(logs.ofXenioo()).toEqual([
      'Crm.save handles user-message',
      'Log.write handles every event of bot support',
    ]);
  });

  it('warns where nothing handles events', async () => {
    const { logs } = await start({});

    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringMatching(
        /^No method handles Xenioo events: .*@OnXenioo\(\)/,
      ),
    ]);
  });
});

it('does not warn where listeners of the event emitter handle the events', async () => {
  @Injectable()
  class Statistics {
    @OnEvent('xenioo.user-message')
    count(): void {}
  }

  const { logs } = await start({
    imports: [EventEmitterModule.forRoot()],
    providers: [Statistics],
  });

  expect(logs.ofXenioo('warn')).toEqual([]);
});

it('warns where the event emitter has listeners of other events only', async () => {
  @Injectable()
  class Orders {
    @OnEvent('order.created')
    count(): void {}
  }

  const { logs } = await start({
    imports: [EventEmitterModule.forRoot()],
    providers: [Orders],
  });

  expect(logs.ofXenioo('warn')).toEqual([
    expect.stringMatching(/^No method handles Xenioo events/),
  ]);
});

/** The bot is the tenant, as a host with durable providers would have it. */
function applyTenants(): void {
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
