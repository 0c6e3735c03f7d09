import {
  Controller,
  Inject,
  Injectable,
  Module,
  Scope,
  type ModuleMetadata,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import {
  EventEmitter2,
  EventEmitterModule,
  OnEvent,
} from '@nestjs/event-emitter';
import { describe, expect, it } from 'vitest';
import {
  HandOverEvent,
  InvalidXeniooEntry,
  memoryInbox,
  OnXenioo,
  OnXeniooFailed,
  OnXeniooInvalid,
  TakeOverEvent,
  UserMessageEvent,
  XENIOO_EVENT_NAMES,
  XeniooEvent,
  XeniooEventType,
  XeniooModule,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import {
  deliver,
  idle,
  xeniooEntry,
  type XeniooDeliverOptions,
} from '../../lib/testing/index.js';
import { startHost, type AdapterName } from '../support/host-app.js';

const { fallback, handOver, takeOver, userMessage } = xeniooEntry;

const OPTIONS: XeniooModuleOptions = {
  bots: [
    { name: 'support', token: 'token-a', secret: 'right-secret' },
    { name: 'shop', token: 'token-b', secret: 'shop-secret' },
  ],
  // Off, so that a test sees an event that is delivered twice.
  dedupe: false,
};

async function start(
  adapter: AdapterName,
  { imports = [], ...metadata }: ModuleMetadata,
  options: Partial<XeniooModuleOptions> = {},
) {
  const host = await startHost(adapter, {
    imports: [...imports, XeniooModule.forRoot({ ...OPTIONS, ...options })],
    ...metadata,
  });
  /** Sends entries in one call that is answered 200, and waits until they are handled. */
  const send = async (entries: unknown[], to: XeniooDeliverOptions = {}) => {
    await deliver(host.app, entries, { grouped: entries.length, ...to });
    await idle(host.app);
  };
  return { ...host, send };
}

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it('runs a method once per event, even if several of its decorators match', async () => {
    const ran: string[] = [];

    @Injectable()
    class Desk {
      @OnXenioo([XeniooEventType.TakeOver, XeniooEventType.HandOver])
      several(event: TakeOverEvent | HandOverEvent) {
        ran.push(`several ${event.typeName}`);
      }

      @OnXenioo(XeniooEventType.TakeOver)
      @OnXenioo({ bot: 'support' })
      @OnXenioo()
      stacked(event: XeniooEvent) {
        ran.push(`stacked ${event.typeName}`);
      }
    }

    const { send } = await start(adapter, { providers: [Desk] });
    await send([takeOver(), handOver(), fallback()]);

    expect(ran.toSorted()).toEqual([
      'several hand-over',
      'several take-over',
      'stacked fallback',
      'stacked hand-over',
      'stacked take-over',
    ]);
  });

  it('filters events by bot, channel and condition', async () => {
    const ran: string[] = [];

    @Injectable()
    class Desk {
      @OnXenioo(XeniooEventType.UserMessage, { bot: ['shop'] })
      shop(event: UserMessageEvent) {
        ran.push(`shop ${event.text}`);
      }

      @OnXenioo(XeniooEventType.UserMessage, {
        channel: ['TelegramChannel', 'WhatsAppChannel'],
      })
      phones(event: UserMessageEvent) {
        ran.push(`phones ${event.text}`);
      }

      @OnXenioo(XeniooEventType.UserMessage, {
        when: event => event.text?.includes('?') ?? false,
      })
      questions(event: UserMessageEvent) {
        ran.push(`questions ${event.text}`);
      }
    }

    const { send } = await start(adapter, { providers: [Desk] });
    await send([userMessage({ Data: 'a', Channel: 'TelegramChannel' })]);
    await send([userMessage({ Data: 'b?', Channel: undefined })]);
    await send([userMessage({ Data: 'c', Channel: 'Web' })], { bot: 'shop' });

    expect(ran).toEqual(['phones a', 'questions b?', 'shop c']);
  });

  it('finds handlers on controllers and in nested modules, and those of an aliased provider once', async () => {
    const ran: string[] = [];

    @Injectable()
    class Nested {
      @OnXenioo()
      handle() {
        ran.push('nested');
      }
    }

    @Module({
      providers: [Nested, { provide: 'alias', useExisting: Nested }],
    })
    class InnerModule {}

    @Module({ imports: [InnerModule] })
    class OuterModule {}

    @Controller('desk')
    class DeskController {
      @OnXenioo()
      handle() {
        ran.push('controller');
      }
    }

    const { send } = await start(adapter, {
      imports: [OuterModule],
      controllers: [DeskController],
    });
    await send([userMessage()]);

    expect(ran.toSorted()).toEqual(['controller', 'nested']);
  });

  it('creates a request-scoped handler for each event, and injects the event', async () => {
    const instances: RequestScoped[] = [];

    @Injectable({ scope: Scope.REQUEST })
    class RequestScoped {
      constructor(@Inject(REQUEST) readonly request: XeniooEvent) {}

      @OnXenioo()
      handle(event: XeniooEvent) {
        expect(this.request).toBe(event);
        instances.push(this);
      }
    }

    @Injectable({ scope: Scope.TRANSIENT })
    class Transient {
      readonly isConstructed = true;

      @OnXenioo()
      handle() {
        expect(this.isConstructed).toBe(true);
      }
    }

    const { send, logs } = await start(adapter, {
      providers: [RequestScoped, Transient],
    });
    await send([userMessage(), userMessage()]);

    expect(logs.ofXenioo('error')).toEqual([]);
    expect(new Set(instances).size).toBe(2);
  });

  it('logs the name of a handler that fails and runs the others', async () => {
    const ran: string[] = [];

    @Injectable()
    class Desk {
      @OnXenioo()
      throws() {
        throw new Error('database is down');
      }

      @OnXenioo()
      async rejects() {
        throw new Error('mail is down');
      }

      @OnXenioo({
        when: () => {
          throw new Error('condition is wrong');
        },
      })
      neverAsked() {
        ran.push('neverAsked');
      }

      @OnXenioo()
      works() {
        ran.push('works');
      }

      @OnXeniooInvalid()
      throwsToo() {
        throw new Error('disk is full');
      }
    }

    const { send, logs } = await start(
      adapter,
      { providers: [Desk] },
      { retry: false },
    );
    await send([userMessage(), xeniooEntry.malformed('not-an-event')]);

    expect(ran).toEqual(['works']);
    const errors = logs.ofXenioo('error').toSorted();
    expect(errors).toEqual([
      expect.stringMatching(
        /^Desk.neverAsked failed on user-message [\w-]+ \(attempt 1; no more attempts\), see XeniooDeadLetters: condition is wrong\nError: condition/,
      ),
      expect.stringMatching(/^Desk.rejects failed on .*: mail is down\nError/),
      expect.stringMatching(/^Desk.throws failed on .*: database is down\n/),
      expect.stringMatching(
        /^Desk.throwsToo failed on invalid entry [\w-]+: disk is full\n/,
      ),
    ]);
  });

  it('times out a handler that never finishes, and runs the others', async () => {
    const ran: string[] = [];

    @Injectable()
    class Desk {
      @OnXenioo()
      hangs() {
        return new Promise<never>(() => {});
      }

      @OnXenioo()
      works() {
        ran.push('works');
      }
    }

    const { send, logs } = await start(
      adapter,
      { providers: [Desk] },
      { handlerTimeoutMs: 20, concurrency: 1, retry: false },
    );
    await send([userMessage(), userMessage()]);

    expect(ran).toEqual(['works', 'works']);
    const failed =
      /^Desk.hangs failed on user-message .*: the handler timed out after 20 ms/;
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(failed),
      expect.stringMatching(failed),
    ]);
  });

  it('answers once the handlers have run or acknowledgeWithinMs has passed', async () => {
    let end = () => {};
    const ended = new Promise<void>(resolve => (end = resolve));
    const order: string[] = [];

    @Injectable()
    class Desk {
      @OnXenioo(XeniooEventType.UserMessage)
      async quick() {
        await new Promise(setImmediate);
        order.push('handled');
      }

      @OnXenioo(XeniooEventType.BotMessage)
      slow() {
        return ended;
      }
    }

    const answer = async (entry: unknown, acknowledgeWithinMs: number) => {
      const { app } = await start(
        adapter,
        { providers: [Desk] },
        { inbox: memoryInbox({ acknowledgeWithinMs }) },
      );
      await deliver(app, entry);
      order.push('answered');
      return app;
    };
    await answer(userMessage(), 60_000);
    const app = await answer(xeniooEntry.botMessage(), 50);

    expect(order).toEqual(['handled', 'answered', 'answered']);
    end();
    await idle(app);
  });

  it('emits every event on the event emitter once its handlers have run', async () => {
    const heard: [string, unknown][] = [];

    @Injectable()
    class Desk {
      @OnXenioo(XeniooEventType.UserMessage)
      async slow() {
        await new Promise(setImmediate);
        heard.push(['handler', undefined]);
      }

      @OnEvent(XENIOO_EVENT_NAMES.UserMessage)
      typed(event: UserMessageEvent) {
        heard.push(['typed', event.text]);
      }

      @OnEvent('xenioo.*')
      any(value: XeniooEvent | InvalidXeniooEntry) {
        heard.push(['any', value.constructor.name]);
      }
    }

    const { send } = await start(adapter, {
      imports: [EventEmitterModule.forRoot({ wildcard: true })],
      providers: [Desk],
    });
    await send([userMessage({ Data: 'hello' })]);
    await send([xeniooEntry.unknown()]);
    await send([xeniooEntry.malformed('not-json')]);

    expect(heard).toEqual([
      ['handler', undefined],
      ['typed', 'hello'],
      ['any', 'UserMessageEvent'],
      ['any', 'UnknownXeniooEvent'],
      ['any', 'InvalidXeniooEntry'],
    ]);
  });

  it('is not affected by listeners that fail', async () => {
    const heard: string[] = [];

    @Injectable()
    class Desk {
      @OnXenioo()
      handle() {}
    }

    const { app, send, logs } = await start(adapter, {
      imports: [EventEmitterModule.forRoot()],
      providers: [Desk],
    });
    const name = XENIOO_EVENT_NAMES.UserMessage;
    const emitter = app.get(EventEmitter2);
    emitter.on(name, async () => {
      throw new Error('rejected');
    });
    emitter.on(name, () => {
      throw new Error('thrown');
    });
    emitter.once(name, () => heard.push('once'));
    emitter.onAny(heardName => heard.push(String(heardName)));

    await send([userMessage(), userMessage()]);

    expect(heard).toEqual(['once', name, name]);
    expect(
      logs
        .ofXenioo('error')
        .map(line => line.split('\n')[0])
        .toSorted(),
    ).toEqual([
      `A listener of ${name} on the event emitter failed; the delivery is not affected: rejected`,
      `A listener of ${name} on the event emitter failed; the delivery is not affected: rejected`,
      `A listener of ${name} on the event emitter failed; the delivery is not affected: thrown`,
      `A listener of ${name} on the event emitter failed; the delivery is not affected: thrown`,
    ]);
  });

  it('refuses to boot with two handlers of the same name', async () => {
    @Injectable()
    class Desk {
      @OnXenioo(XeniooEventType.TakeOver, { name: 'crm' })
      one() {}

      @OnXenioo(XeniooEventType.HandOver, { name: 'crm' })
      two() {}
    }

    await expect(start(adapter, { providers: [Desk] })).rejects.toThrow(
      'Two Xenioo handlers are named crm, ',
    );
  });

  it('warns of a handler for a bot that no instance of the module has', async () => {
    @Injectable()
    class Desk {
      @OnXenioo({ bot: ['shop', 'suport'] })
      notify() {}
    }
    const imports = [
      XeniooModule.forRoot({ secret: 'two', path: 'two', name: 'shop' }),
    ];
    const support = { name: 'support', token: 'token', secret: 'one' };
    const misspelt = await start(
      adapter,
      { imports, providers: [Desk] },
      { secret: undefined, bots: [support] },
    );
    const changing = await start(
      adapter,
      { imports, providers: [Desk] },
      { secret: undefined, bots: () => [support] },
    );

    expect(misspelt.logs.ofXenioo('warn')).toEqual([
      'Desk.notify does not run for bot suport: no bot of this application has this name. Correct the option `bot` of @OnXenioo(), or the names in `bots`: shop, support.',
    ]);
    expect(changing.logs.ofXenioo('warn')).toEqual([]);
  });

  it('warns if no handler exists', async () => {
    const { logs, send } = await start(adapter, {});

    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringContaining('No method handles Xenioo events'),
    ]);
    await send([userMessage()]);
  });

  it('logs each handler and its event types at boot', async () => {
    @Injectable()
    class Desk {
      @OnXenioo(XeniooEventType.UserMessage, { bot: 'shop', when: () => true })
      @OnXeniooInvalid()
      @OnXeniooFailed()
      narrow() {}

      @OnXenioo([XeniooEventType.TakeOver, XeniooEventType.HandOver], {
        channel: 'TelegramChannel',
        name: 'operators',
      })
      several() {}
    }

    const { logs } = await start(adapter, { providers: [Desk] });

    expect(logs.ofXenioo('log')).toEqual([
      'Desk.narrow handles failures of handlers and invalid entries and user-message of bot shop on a condition',
      'operators handles take-over, hand-over on TelegramChannel',
      'POST /xenioo/webhook receives the events of support, shop',
    ]);
  });
});
