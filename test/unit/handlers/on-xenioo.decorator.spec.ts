import { describe, expect, it } from 'vitest';
import { XeniooEventType } from '../../../lib/events/xenioo-event-type.js';
import type { XeniooEvent } from '../../../lib/events/xenioo.events.js';
import { OnXenioo } from '../../../lib/handlers/on-xenioo.decorator.js';
import { subscriptionsOf } from '../../../lib/handlers/subscription.js';
import { XeniooHandlerError } from '../../../lib/xenioo.errors.js';

const { UserMessage, TakeOver, HandOver } = XeniooEventType;

/** Returns the subscriptions of a method with the decorators in source order. */
function subscriptionsWith(...decorators: ReturnType<typeof OnXenioo>[]) {
  const method = (_event: XeniooEvent) => {};
  for (const decorate of decorators.toReversed()) {
    decorate({}, 'method', { value: method });
  }
  return subscriptionsOf(method);
}

describe('@OnXenioo()', () => {
  it('subscribes to one type', () => {
    class Crm {
      @OnXenioo(UserMessage)
      save(): void {}
    }

    expect(subscriptionsOf(Crm.prototype.save)).toEqual([
      { to: 'events', types: new Set([UserMessage]) },
    ]);
  });

  it('subscribes to several types', () => {
    class Desk {
      @OnXenioo([TakeOver, HandOver, TakeOver])
      notify(): void {}
    }

    expect(subscriptionsOf(Desk.prototype.notify)).toEqual([
      { to: 'events', types: new Set([TakeOver, HandOver]) },
    ]);
  });

  it('subscribes to every event without a type', () => {
    expect(subscriptionsWith(OnXenioo())).toEqual([{ to: 'events' }]);
    expect(subscriptionsWith(OnXenioo({}))).toEqual([{ to: 'events' }]);
  });

  it('subscribes to type 0', () => {
    class Log {
      @OnXenioo(XeniooEventType.BotMessage)
      keep(): void {}
    }

    expect(subscriptionsOf(Log.prototype.keep)).toEqual([
      { to: 'events', types: new Set([0]) },
    ]);
  });

  it('accepts filter options with and without a type', () => {
    const when = () => true;
    const options = {
      bot: 'support',
      channel: ['TelegramChannel', 'WebChat'],
      when,
      name: 'crm',
      retry: { attempts: 3 },
    };
    const narrowed = {
      to: 'events',
      bots: new Set(['support']),
      channels: new Set(['TelegramChannel', 'WebChat']),
      when,
      name: 'crm',
      retry: { attempts: 3 },
    };

    expect(subscriptionsWith(OnXenioo(options))).toEqual([narrowed]);
    class Crm {
      @OnXenioo(UserMessage, options)
      save(): void {}
    }
    expect(subscriptionsOf(Crm.prototype.save)).toEqual([
      { ...narrowed, types: new Set([UserMessage]) },
    ]);
  });

  it('ignores undefined options', () => {
    const options = { bot: undefined, channel: undefined, when: undefined };

    expect(
      subscriptionsWith(
        OnXenioo({ ...options, name: undefined, retry: undefined }),
      ),
    ).toStrictEqual([{ to: 'events' }]);
  });

  it('accepts false for retry', () => {
    expect(subscriptionsWith(OnXenioo({ retry: false }))).toEqual([
      { to: 'events', retry: false },
    ]);
  });

  it('accepts a maxDelayMs without a delayMs', () => {
    const retry = { maxDelayMs: 500 };

    expect(subscriptionsWith(OnXenioo({ retry }))).toEqual([
      { to: 'events', retry },
    ]);
  });

  it('combines with another @OnXenioo()', () => {
    class Crm {
      @OnXenioo(UserMessage, { bot: 'support' })
      @OnXenioo(TakeOver)
      save(): void {}
    }

    expect(subscriptionsOf(Crm.prototype.save)).toHaveLength(2);
  });
});

describe('@OnXenioo() with a mistake that the compiler may not have seen', () => {
  it('rejects a type that XeniooEventType does not have', () => {
    const { UserMesage } = XeniooEventType as never as {
      UserMesage: undefined;
    };

    expect(() => OnXenioo(UserMesage)).toThrow(
      new XeniooHandlerError(
        '@OnXenioo() expects values of XeniooEventType, got nothing; to handle events of unknown types, use @OnXenioo() without a type',
      ),
    );
  });

  it('asks for its parentheses', () => {
    const decorate = OnXenioo as never as MethodDecorator;

    expect(() => {
      class Crm {
        @decorate
        save(): void {}
      }
      return Crm;
    }).toThrow(
      new XeniooHandlerError(
        '@OnXenioo needs parentheses: write @OnXenioo() above `save`',
      ),
    );
  });

  it('rejects a class, by its name', () => {
    const decorate = OnXenioo() as never as ClassDecorator;

    expect(() => {
      @decorate
      class Crm {}
      return Crm;
    }).toThrow(/^`Crm` can't handle events: .* no classes$/);
  });
});

describe('@OnXenioo() on a subscription that would never run', () => {
  it.each([14, -1, 1.5, NaN])('rejects type %o', type => {
    expect(() => OnXenioo(type as never)).toThrow(
      new XeniooHandlerError(
        `@OnXenioo() expects values of XeniooEventType, got ${type}; to handle events of unknown types, use @OnXenioo() without a type`,
      ),
    );
  });

  it.each([['UserMessage'], ['1'], ['user-message'], [undefined], [null]])(
    'rejects type %o in a list',
    type => {
      const types = [UserMessage, type as unknown as XeniooEventType];

      expect(() => OnXenioo(types)).toThrow(XeniooHandlerError);
    },
  );

  it('rejects an empty list of types', () => {
    expect(() => OnXenioo([])).toThrow(
      new XeniooHandlerError(
        '@OnXenioo([]) would never run: name at least one type, or none at all for every event',
      ),
    );
  });

  it('rejects a getter', () => {
    const descriptor = { get: () => () => {} };

    expect(() => OnXenioo()({}, 'method', descriptor)).toThrow(
      XeniooHandlerError,
    );
  });
});

describe('@OnXenioo() with an unknown option', () => {
  const options = { bots: 'support' } as object;

  it('rejects it with and without a type', () => {
    const error = new XeniooHandlerError(
      '@OnXenioo(): `bots` is not an option here; the options are bot, channel, when, name, retry, transactional',
    );

    expect(() => OnXenioo(options)).toThrow(error);
    expect(() => OnXenioo(UserMessage, options)).toThrow(error);
    expect(() => OnXenioo(options)).toThrow(error);
  });

  it('rejects a string in place of a type', () => {
    expect(() => OnXenioo('user-message' as never)).toThrow(XeniooHandlerError);
  });
});

describe('@OnXenioo() with an invalid option', () => {
  const bot =
    '@OnXenioo() with this `bot` would never run: name at least one, or leave the option out';

  it.each<[object, string]>([
    [
      { when: 'paying' },
      '@OnXenioo(): `when` must be a function, got a string',
    ],
    [
      { name: '' },
      '@OnXenioo(): `name` must be a word of at most 200 characters, without spaces or control characters, got ""',
    ],
    [
      { name: 'two words' },
      '@OnXenioo(): `name` must be a word of at most 200 characters, without spaces or control characters, got "two words"',
    ],
    [
      { name: 7 },
      '@OnXenioo(): `name` must be a word of at most 200 characters, without spaces or control characters, got 7',
    ],
    [{ bot: [] }, bot],
    [{ bot: '' }, bot],
    [{ bot: ['support', null] }, bot],
    [{ channel: [] }, bot.replace('bot', 'channel')],
    [
      { retry: true },
      '@OnXenioo(): expected `retry` to be an object of options or false, got a boolean',
    ],
    [
      { retry: { attempts: 0 } },
      '@OnXenioo(): expected `retry.attempts` to be a whole number from 1 to 1000, got 0',
    ],
  ])('rejects %o', (options, message) => {
    const error = new XeniooHandlerError(message);

    expect(() => OnXenioo(options)).toThrow(error);
    expect(() => OnXenioo(UserMessage, options)).toThrow(error);
  });

  it.each([
    ['a string', 'support'],
    ['a function', () => true],
  ])('rejects %s in place of options', (kind, options) => {
    expect(() => OnXenioo(UserMessage, options as object)).toThrow(
      new XeniooHandlerError(
        `@OnXenioo() expects an object of options, got ${kind}`,
      ),
    );
  });
});
