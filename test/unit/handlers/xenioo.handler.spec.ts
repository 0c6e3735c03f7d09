import { describe, expect, it } from 'vitest';
import { XeniooEventType } from '../../../lib/events/xenioo-event-type.js';
import type { Subscription } from '../../../lib/handlers/subscription.js';
import { XeniooHandler } from '../../../lib/handlers/xenioo.handler.js';
import { eventOf } from '../../support/entry-of.js';

const { UserMessage, TakeOver } = XeniooEventType;

const handlerOf = (...subscriptions: Subscription[]) =>
  new XeniooHandler('Crm.save', subscriptions, () => {});

const message = eventOf(
  { Type: 1, Data: 'Hello', Channel: 'TelegramChannel' },
  { name: 'support' },
);
const unknown = eventOf({ Type: 99 });

const yes = (): boolean => true;
const no = (): boolean => false;

describe('an event matches', () => {
  it.each([
    ['without options', {}],
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
    expect(handlerOf({ to: 'events', ...narrowed }).matches(message)).toBe(
      true,
    );
  });

  it('one of several decorators', () => {
    const types = new Set([TakeOver]);

    expect(
      handlerOf({ to: 'events', types }, { to: 'events' }).matches(message),
    ).toBe(true);
  });

  it('a decorator without a type, though its own type is unknown', () => {
    expect(handlerOf({ to: 'events' }).matches(unknown)).toBe(true);
  });
});

describe('an event does not match', () => {
  it.each([
    ['another type', { types: new Set([TakeOver]) }],
    ['another bot', { bots: new Set(['sales']) }],
    ['another channel', { channels: new Set(['WebChat']) }],
    ['a condition that is false', { when: no }],
    [
      'one option of several',
      { types: new Set([UserMessage]), bots: new Set(['sales']) },
    ],
  ])('%s', (_what, narrowed) => {
    expect(handlerOf({ to: 'events', ...narrowed }).matches(message)).toBe(
      false,
    );
  });

  it('a channel where it has none', () => {
    const channels = new Set(['TelegramChannel']);

    expect(handlerOf({ to: 'events', channels }).matches(unknown)).toBe(false);
  });

  it.each(['invalid', 'failed'] as const)('a subscription to %s', to => {
    expect(handlerOf({ to }).matches(message)).toBe(false);
  });
});

describe('a condition', () => {
  it('is called for events of the right type alone', () => {
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

  it('may throw', () => {
    const when = () => {
      throw new Error('no such plan');
    };

    expect(() => handlerOf({ to: 'events', when }).matches(message)).toThrow(
      'no such plan',
    );
  });

  it.each([
    ['true', async () => true],
    ['false', async () => false],
    ['an error', async () => Promise.reject(new Error('late'))],
  ])('may not return a promise of %s', (_what, promise) => {
    const when = promise as unknown as () => boolean;

    expect(() => handlerOf({ to: 'events', when }).matches(message)).toThrow(
      new TypeError('expected `when` to return a boolean, got a promise'),
    );
  });
});

it.each<[Subscription[], number, boolean]>([
  [[{ to: 'events' }], 1, true],
  [[{ to: 'events' }], 99, true],
  [[{ to: 'events', types: new Set([1]), bots: new Set(['x']) }], 1, true],
  [[{ to: 'events', types: new Set([1]) }], 99, false],
  [[{ to: 'events', types: new Set([1]) }, { to: 'events' }], 99, true],
  [[{ to: 'invalid' }, { to: 'failed' }], 1, false],
])('%o subscribes to events of type %i: %o', (subscriptions, type, handles) => {
  expect(handlerOf(...subscriptions).handlesType(type)).toBe(handles);
});

it('subscribes to what one of its decorators names', () => {
  const handler = handlerOf({ to: 'events' }, { to: 'failed' });

  expect(handler.subscribesTo('events')).toBe(true);
  expect(handler.subscribesTo('failed')).toBe(true);
  expect(handler.subscribesTo('invalid')).toBe(false);
});

const retry = { attempts: 3 };

it.each<[string, Subscription[], unknown]>([
  ['nothing', [{ to: 'events' }, { to: 'failed' }], undefined],
  ['its options', [{ to: 'events', retry }], retry],
  ['never', [{ to: 'events', retry: false }], false],
  [
    'those of any decorator',
    [{ to: 'events' }, { to: 'events', retry }],
    retry,
  ],
  [
    'those beside another subscription',
    [{ to: 'invalid' }, { to: 'events', retry: false }],
    false,
  ],
])('says of retries: %s', (_what, subscriptions, said) => {
  expect(handlerOf(...subscriptions).retry).toBe(said);
});

it.each<[Subscription[], string]>([
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
        when: yes,
      },
    ],
    'user-message of bot support, sales on TelegramChannel on a condition',
  ],
  [
    [{ to: 'events', types: new Set([TakeOver]) }, { to: 'invalid' }],
    'take-over and invalid entries',
  ],
])('describes %o as %j', (subscriptions, words) => {
  expect(handlerOf(...subscriptions).describe()).toBe(words);
});
