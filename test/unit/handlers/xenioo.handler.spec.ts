import {
  concat,
  defer,
  EMPTY,
  from,
  of,
  throwError,
  type Observable,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { XeniooEventType } from '../../../lib/events/xenioo-event-type.js';
import type { Subscription } from '../../../lib/handlers/subscription.js';
import { XeniooHandlerFailure } from '../../../lib/handlers/xenioo-handler.failure.js';
import { XeniooHandler } from '../../../lib/handlers/xenioo.handler.js';
import { DENIED } from '../../../lib/handlers/nest-internals.js';
import { eventOf, invalidOf } from '../../support/receipt.js';

const { UserMessage, TakeOver } = XeniooEventType;

function handlerOf(...subscriptions: Subscription[]) {
  return new XeniooHandler('Crm.save', subscriptions, () => {});
}

const message = eventOf(
  { Type: 1, Data: 'Hello', Channel: 'TelegramChannel' },
  { name: 'support' },
);
const unknown = eventOf({ Type: 99 });
const invalid = invalidOf({ Type: 'x' });
const failure = new XeniooHandlerFailure(
  message,
  'Desk.notify',
  new Error('down'),
  3,
);

const yes = (): boolean => true;
const no = (): boolean => false;

describe('an event matches', () => {
  it.each([
    ['no condition', {}],
    ['its type', { types: new Set([TakeOver, UserMessage]) }],
    ['its bot', { bots: new Set(['sales', 'support']) }],
    ['its channel', { channels: new Set(['TelegramChannel']) }],
    ['a condition', { when: yes }],
    [
      'all of them',
      {
        types: new Set([UserMessage]),
        bots: new Set(['support']),
        channels: new Set(['TelegramChannel']),
        when: yes,
      },
    ],
  ])('%s', (_what, narrowed) => {
    const handler = handlerOf({ to: 'events', ...narrowed });

    expect(handler.matches(message)).toBe(true);
  });

  it('one of several subscriptions', () => {
    const types = new Set([TakeOver]);

    expect(
      handlerOf({ to: 'events', types }, { to: 'events' }).matches(message),
    ).toBe(true);
  });
});

describe('an event does not match', () => {
  it.each([
    ['another type', { types: new Set([TakeOver]) }],
    ['another bot', { bots: new Set(['sales']) }],
    ['another channel', { channels: new Set(['WebChat']) }],
    ['a condition that is false', { when: no }],
    [
      'one condition of several',
      { types: new Set([UserMessage]), bots: new Set(['sales']) },
    ],
  ])('%s', (_what, narrowed) => {
    const handler = handlerOf({ to: 'events', ...narrowed });

    expect(handler.matches(message)).toBe(false);
  });

  it('a channel where it has none', () => {
    const channels = new Set(['TelegramChannel']);

    expect(handlerOf({ to: 'events', channels }).matches(unknown)).toBe(false);
  });

  it.each(['invalid', 'failed'] as const)('what asks for what is %s', to => {
    expect(handlerOf({ to }).matches(message)).toBe(false);
  });
});

describe('a condition', () => {
  it('is asked about events of the right type alone', () => {
    const seen: unknown[] = [];
    const handler = handlerOf({
      to: 'events',
      types: new Set([UserMessage]),
      when: event => {
        seen.push(event);
        return false;
      },
    });
    handler.matches(unknown);
    handler.matches(message);

    expect(seen).toEqual([message]);
  });

  it('that throws is heard', () => {
    const handler = handlerOf({
      to: 'events',
      when: () => {
        throw new Error('no such plan');
      },
    });

    expect(() => handler.matches(message)).toThrow('no such plan');
  });
});

describe('a failure of a handler', () => {
  it('reaches those alone who ask for it', () => {
    expect(handlerOf({ to: 'failed' }).matches(failure)).toBe(true);
    expect(handlerOf({ to: 'events' }).matches(failure)).toBe(false);
    expect(handlerOf({ to: 'invalid' }).matches(failure)).toBe(false);
    expect(handlerOf({ to: 'failed' }).matches(invalid)).toBe(false);
  });

  it('is no matter of the conditions of events', () => {
    const asked: unknown[] = [];
    const when = (event: unknown) => asked.push(event) > 0;

    expect(
      handlerOf({ to: 'events', when }, { to: 'failed' }).matches(failure),
    ).toBe(true);
    expect(asked).toEqual([]);
  });
});

describe('what its decorators say of retries', () => {
  const retry = { attempts: 3 };

  it.each<[string, Subscription[], unknown]>([
    ['nothing', [{ to: 'events' }, { to: 'failed' }], undefined],
    ['options', [{ to: 'events', retry }], retry],
    ['never', [{ to: 'events', retry: false }], false],
    [
      'what one of several says',
      [{ to: 'events' }, { to: 'events', retry }],
      retry,
    ],
    [
      'what the one beside another says',
      [{ to: 'invalid' }, { to: 'events', retry: false }],
      false,
    ],
  ])('may be %s', (_what, subscriptions, said) => {
    expect(handlerOf(...subscriptions).retry).toBe(said);
  });
});

describe('what is unknown or invalid', () => {
  it('reaches those who ask for everything, or for it', () => {
    expect(handlerOf({ to: 'events' }).matches(unknown)).toBe(true);
    expect(handlerOf({ to: 'events' }).matches(invalid)).toBe(false);
    expect(handlerOf({ to: 'invalid' }).matches(invalid)).toBe(true);
  });
});

describe('a condition that gives a promise', () => {
  it.each([
    ['yes', async () => true],
    ['no', async () => false],
    ['an error', async () => Promise.reject(new Error('late'))],
  ])('of %s fails, for nobody can wait for it', (_what, promise) => {
    const when = promise as unknown as () => boolean;
    const handler = handlerOf({ to: 'events', when });

    expect(() => handler.matches(message)).toThrow(
      '`when` must answer at once, and gave a promise',
    );
  });
});

describe('handling', () => {
  it('hands the entry over, and ends with the method', async () => {
    const steps: unknown[] = [];
    const handler = new XeniooHandler('Crm.save', [], async entry => {
      await Promise.resolve();
      steps.push(entry);
    });
    await handler.handle(message);

    expect(steps).toEqual([message]);
  });

  it('throws where the method throws at once', () => {
    const handler = new XeniooHandler('Crm.save', [], () => {
      throw new Error('down');
    });

    expect(() => handler.handle(message)).toThrow('down');
  });
});

describe('what a method returns', () => {
  const handled = (result: unknown) =>
    new XeniooHandler('Crm.save', [], () => result).handle(message);

  it.each([undefined, null])('may be %s, and it is done at once', result => {
    expect(handled(result)).toBeUndefined();
  });

  it.each([
    ['something', { saved: true }],
    ['a promise', Promise.resolve(1)],
    ['an Observable of one value', of(1)],
    ['an Observable of several values', of(1, 2, 3)],
    ['an Observable of none', EMPTY],
    ['an Observable of a promise', from(Promise.resolve(1))],
    ['a promise of an Observable', Promise.resolve(of(1))],
  ])('may be %s, and it is done', async (_what, result) => {
    await expect(handled(result)).resolves.toBeUndefined();
  });

  it('is no error where a guard of its own denied it', async () => {
    await expect(handled(DENIED)).resolves.toBeUndefined();
    await expect(handled(Promise.resolve(DENIED))).resolves.toBeUndefined();
  });

  it('runs to its end where it is an Observable, which is subscribed to once', async () => {
    const steps: string[] = [];
    const step = (name: string) =>
      defer(async () => {
        await new Promise(setImmediate);
        steps.push(name);
      });
    await handled(concat(step('first'), step('last')));

    expect(steps).toEqual(['first', 'last']);
  });

  it.each<[string, () => Observable<unknown>]>([
    ['at once', () => throwError(() => new Error('down'))],
    [
      'after a value',
      () =>
        concat(
          of(1),
          throwError(() => new Error('down')),
        ),
    ],
  ])('is an Observable that fails %s: it has failed', async (_when, make) => {
    await expect(handled(make())).rejects.toThrow('down');
  });
});

describe('the boot log', () => {
  it.each([
    [[{ to: 'events' }], 'every event'],
    [[{ to: 'invalid' }], 'invalid entries'],
    [[{ to: 'failed' }], 'failures of handlers'],
    [
      [{ to: 'events', types: new Set([UserMessage, TakeOver]) }],
      'user-message, take-over',
    ],
    [
      [
        {
          to: 'events',
          types: new Set([UserMessage]),
          bots: new Set(['support', 'sales']),
          channels: new Set(['TelegramChannel']),
          when: () => true,
        },
      ],
      'user-message of bot support, sales on TelegramChannel on a condition',
    ],
    [
      [{ to: 'events', types: new Set([TakeOver]) }, { to: 'invalid' }],
      'take-over and invalid entries',
    ],
  ] as [Subscription[], string][])('tells of %o', (subscriptions, words) => {
    expect(handlerOf(...subscriptions).describe()).toBe(words);
  });
});
