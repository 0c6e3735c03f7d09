import { describe, expect, it } from 'vitest';
import { XeniooEventType } from '../../../lib/events/xenioo-event-type.js';
import type { Subscription } from '../../../lib/handlers/subscription.js';
import { XeniooHandler } from '../../../lib/handlers/xenioo.handler.js';
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

  it('what asks for invalid entries', () => {
    expect(handlerOf({ to: 'invalid' }).matches(message)).toBe(false);
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

describe('what is unknown or invalid', () => {
  it('reaches those who ask for everything, or for it', () => {
    expect(handlerOf({ to: 'events' }).matches(unknown)).toBe(true);
    expect(handlerOf({ to: 'events' }).matches(invalid)).toBe(false);
    expect(handlerOf({ to: 'invalid' }).matches(invalid)).toBe(true);
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

  it('rejects where the method throws at once', async () => {
    const handler = new XeniooHandler('Crm.save', [], () => {
      throw new Error('down');
    });

    await expect(handler.handle(message)).rejects.toThrow('down');
  });
});

describe('the boot log', () => {
  it.each([
    [[{ to: 'events' }], 'every event'],
    [[{ to: 'invalid' }], 'invalid entries'],
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
