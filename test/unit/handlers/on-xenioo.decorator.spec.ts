import { describe, expect, it } from 'vitest';
import { XeniooEventType } from '../../../lib/events/xenioo-event-type.js';
import type { XeniooEvent } from '../../../lib/events/xenioo.events.js';
import { OnXenioo } from '../../../lib/handlers/on-xenioo.decorator.js';
import { subscriptionsOf } from '../../../lib/handlers/subscription.js';
import { XeniooHandlerError } from '../../../lib/xenioo.errors.js';

const { UserMessage, TakeOver, HandOver } = XeniooEventType;

/** What a method asks for that carries the decorators, in their order on the page. */
function asked(...decorators: ReturnType<typeof OnXenioo>[]) {
  const method = (_event: XeniooEvent) => {};
  for (const decorate of decorators.toReversed()) {
    decorate({}, 'method', { value: method });
  }
  return subscriptionsOf(method);
}

describe('a decorated method', () => {
  it('asks for one type', () => {
    class Crm {
      @OnXenioo(UserMessage)
      save(): void {}
    }

    expect(subscriptionsOf(Crm.prototype.save)).toEqual([
      { to: 'events', types: new Set([UserMessage]) },
    ]);
  });

  it('asks for several types', () => {
    class Desk {
      @OnXenioo([TakeOver, HandOver, TakeOver])
      notify(): void {}
    }

    expect(subscriptionsOf(Desk.prototype.notify)).toEqual([
      { to: 'events', types: new Set([TakeOver, HandOver]) },
    ]);
  });

  it('asks for every event without a type', () => {
    expect(asked(OnXenioo())).toEqual([{ to: 'events' }]);
    expect(asked(OnXenioo(undefined))).toEqual([{ to: 'events' }]);
    expect(asked(OnXenioo({}))).toEqual([{ to: 'events' }]);
  });

  it('asks for type 0 where it is given', () => {
    class Log {
      @OnXenioo(XeniooEventType.BotMessage)
      keep(): void {}
    }

    expect(subscriptionsOf(Log.prototype.keep)).toEqual([
      { to: 'events', types: new Set([0]) },
    ]);
  });

  it('is narrowed by options, with or without a type', () => {
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

    expect(asked(OnXenioo(options))).toEqual([narrowed]);
    expect(asked(OnXenioo(undefined, options))).toEqual([narrowed]);
    class Crm {
      @OnXenioo(UserMessage, options)
      save(): void {}
    }
    expect(subscriptionsOf(Crm.prototype.save)).toEqual([
      { ...narrowed, types: new Set([UserMessage]) },
    ]);
  });

  it('is not narrowed by options that are undefined', () => {
    const options = { bot: undefined, channel: undefined, when: undefined };

    expect(
      asked(OnXenioo({ ...options, name: undefined, retry: undefined })),
    ).toStrictEqual([{ to: 'events' }]);
  });

  it('may have one attempt alone', () => {
    expect(asked(OnXenioo({ retry: false }))).toEqual([
      { to: 'events', retry: false },
    ]);
  });

  it('may cap its delays, whatever the module says of them', () => {
    const retry = { maxDelayMs: 500 };

    expect(asked(OnXenioo({ retry }))).toEqual([{ to: 'events', retry }]);
  });

  it('may carry several decorators', () => {
    class Crm {
      @OnXenioo(UserMessage, { bot: 'support' })
      @OnXenioo(TakeOver)
      save(): void {}
    }

    expect(subscriptionsOf(Crm.prototype.save)).toHaveLength(2);
  });
});

describe('what would never run', () => {
  it.each([14, -1, 1.5, NaN])('as type %o, does not load', type => {
    expect(() => OnXenioo(type as never)).toThrow(
      new XeniooHandlerError(
        `@OnXenioo() expects values of XeniooEventType, got ${type}; to handle events of unknown types, use @OnXenioo() without a type`,
      ),
    );
  });

  it.each([['UserMessage'], ['1'], ['user-message'], [undefined], [null]])(
    'as type %o in a list, does not load',
    type => {
      const types = [UserMessage, type as unknown as XeniooEventType];

      expect(() => OnXenioo(types)).toThrow(XeniooHandlerError);
    },
  );

  it('for want of a type in the list, does not load', () => {
    expect(() => OnXenioo([])).toThrow(
      new XeniooHandlerError(
        '@OnXenioo([]) would never run: name at least one type, or none at all for every event',
      ),
    );
  });

  it('because it is a getter, does not load', () => {
    const descriptor = { get: () => () => {} };

    expect(() => OnXenioo()({}, 'method', descriptor)).toThrow(
      XeniooHandlerError,
    );
  });
});

describe('an option that does not exist', () => {
  const options = { bots: 'support' } as object;

  it('does not load, with or without a type', () => {
    const error = new XeniooHandlerError(
      '@OnXenioo(): `bots` is not an option here; the options are bot, channel, when, name, retry, transactional',
    );

    expect(() => OnXenioo(options)).toThrow(error);
    expect(() => OnXenioo(UserMessage, options)).toThrow(error);
    expect(() => OnXenioo(undefined, options)).toThrow(error);
  });

  it('does not load where a word stands for a type', () => {
    expect(() => OnXenioo('user-message' as never)).toThrow(XeniooHandlerError);
  });
});

describe('an option that can’t be', () => {
  const bot =
    '@OnXenioo() with this `bot` would never run: name at least one, or leave the option out';

  it.each<[object, string]>([
    [
      { when: 'paying' },
      '@OnXenioo(): `when` must be a function, got a string',
    ],
    [
      { name: '' },
      '@OnXenioo(): `name` must be a word of at most 200 characters, without spaces, got ""',
    ],
    [
      { name: 'two words' },
      '@OnXenioo(): `name` must be a word of at most 200 characters, without spaces, got "two words"',
    ],
    [
      { name: 7 },
      '@OnXenioo(): `name` must be a word of at most 200 characters, without spaces, got 7',
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
  ])('does not load: %o', (options, message) => {
    const error = new XeniooHandlerError(message);

    expect(() => OnXenioo(options)).toThrow(error);
    expect(() => OnXenioo(UserMessage, options)).toThrow(error);
  });

  it.each([
    ['a string', 'support'],
    ['a function', () => true],
  ])('does not load: %s in place of options', (kind, options) => {
    expect(() => OnXenioo(UserMessage, options as object)).toThrow(
      new XeniooHandlerError(
        `@OnXenioo() expects an object of options, got ${kind}`,
      ),
    );
  });
});
