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

const always = (): boolean => true;
const never = (): boolean => false;

describe('XeniooHandler.matches()', () => {
  it.each([
    ['without options', {}],
    ['by its type', { types: new Set([TakeOver, UserMessage]) }],
    ['by its bot', { bots: new Set(['sales', 'support']) }],
    ['by its channel', { channels: new Set(['TelegramChannel']) }],
    ['by a condition', { when: always }],
    [
      'by all of its properties',
      {
        types: new Set([UserMessage]),
        bots: new Set(['support']),
        channels: new Set(['TelegramChannel']),
        when: always,
      },
    ],
  ])('accepts an event %s', (_what, narrowed) => {
    expect(handlerOf({ to: 'events', ...narrowed }).matches(message)).toBe(
      true,
    );
  });

  it('accepts an event by one of several decorators', () => {
    const types = new Set([TakeOver]);

    expect(
      handlerOf({ to: 'events', types }, { to: 'events' }).matches(message),
    ).toBe(true);
  });

  it('accepts an event of an unknown type when a decorator has no type', () => {
    expect(handlerOf({ to: 'events' }).matches(unknown)).toBe(true);
  });
});

describe('XeniooHandler.matches() of an event that does not match', () => {
  it.each([
    ['another type', { types: new Set([TakeOver]) }],
    ['another bot', { bots: new Set(['sales']) }],
    ['another channel', { channels: new Set(['WebChat']) }],
    ['a condition that is false', { when: never }],
    [
      'one option of several',
      { types: new Set([UserMessage]), bots: new Set(['sales']) },
    ],
  ])('rejects the event because of %s', (_what, narrowed) => {
    expect(handlerOf({ to: 'events', ...narrowed }).matches(message)).toBe(
      false,
    );
  });

  it('rejects an event without a channel when a channel is required', () => {
    const channels = new Set(['TelegramChannel']);

    expect(handlerOf({ to: 'events', channels }).matches(unknown)).toBe(false);
  });

  it.each(['invalid', 'failed'] as const)(
    'rejects every event for a subscription to %s',
    to => {
      expect(handlerOf({ to }).matches(message)).toBe(false);
    },
  );
});

describe('XeniooHandler.matches() with a condition', () => {
  it('calls the condition only for events of a matching type', () => {
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

  it('throws the error of the condition', () => {
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
  ])('throws when the condition returns a promise of %s', (_what, promise) => {
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
])('XeniooHandler %o handles type %i: %o', (subscriptions, type, handles) => {
  expect(handlerOf(...subscriptions).handlesType(type)).toBe(handles);
});

it('XeniooHandler subscribes to what its decorators name', () => {
  const handler = handlerOf({ to: 'events' }, { to: 'failed' });

  expect(handler.subscribesTo('events')).toBe(true);
  expect(handler.subscribesTo('failed')).toBe(true);
  expect(handler.subscribesTo('invalid')).toBe(false);
});

const retry = { attempts: 3 };

it.each<[string, Subscription[], unknown]>([
  ['no decorator', [{ to: 'events' }, { to: 'failed' }], undefined],
  ['its decorator', [{ to: 'events', retry }], retry],
  ['a decorator with false', [{ to: 'events', retry: false }], false],
  ['any of its decorators', [{ to: 'events' }, { to: 'events', retry }], retry],
  [
    'a decorator beside another subscription',
    [{ to: 'invalid' }, { to: 'events', retry: false }],
    false,
  ],
])(
  'XeniooHandler takes its retry options from %s',
  (_what, subscriptions, expected) => {
    expect(handlerOf(...subscriptions).retry).toBe(expected);
  },
);

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
        when: always,
      },
    ],
    'user-message of bot support, sales on TelegramChannel on a condition',
  ],
  [
    [{ to: 'events', types: new Set([TakeOver]) }, { to: 'invalid' }],
    'take-over and invalid entries',
  ],
])('XeniooHandler describes %o as %j', (subscriptions, words) => {
  expect(handlerOf(...subscriptions).describe()).toBe(words);
});
