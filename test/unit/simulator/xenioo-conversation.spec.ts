import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { XeniooEventType } from '../../../lib/events/xenioo-event-type.js';
import {
  xeniooConversation,
  type XeniooConversationOptions,
} from '../../../lib/simulator/xenioo-conversation.js';
import { eventOf } from '../../support/entry-of.js';

const {
  BotMessage,
  UserMessage,
  UnmatchedMessage,
  UserConnected,
  UserReturned,
  TakeOver,
  HandOver,
  Fallback,
} = XeniooEventType;

const anyOptions = fc.record(
  {
    seed: fc.maxSafeInteger(),
    turns: fc.nat(20),
    fallback: fc.boolean(),
    takeOver: fc.boolean(),
  },
  { requiredKeys: [] },
);

const typesOf = (options?: XeniooConversationOptions) =>
  xeniooConversation(options).map(({ Type }) => Type);

describe('xeniooConversation()', () => {
  it('returns a greeting, turns, a fallback, an operator and a goodbye', () => {
    expect(typesOf({ turns: 1 })).toEqual([
      expect.toSatisfy(type => [UserConnected, UserReturned].includes(type)),
      BotMessage,
      UserMessage,
      BotMessage,
      UserMessage,
      UnmatchedMessage,
      Fallback,
      BotMessage,
      TakeOver,
      BotMessage,
      UserMessage,
      BotMessage,
      HandOver,
      BotMessage,
    ]);
  });

  it('omits fallback and take-over on request', () => {
    expect(typesOf({ turns: 0, fallback: false, takeOver: false })).toEqual([
      expect.toSatisfy(type => [UserConnected, UserReturned].includes(type)),
      BotMessage,
      BotMessage,
    ]);
    expect(typesOf({ takeOver: false })).not.toContain(TakeOver);
    expect(typesOf({ takeOver: false })).not.toContain(HandOver);
    expect(typesOf({ fallback: false })).not.toContain(Fallback);
    expect(typesOf({ fallback: false })).not.toContain(UnmatchedMessage);
  });

  it('returns the given number of turns, three by default', () => {
    const userMessages = (turns?: number) =>
      typesOf({
        fallback: false,
        takeOver: false,
        ...(turns !== undefined && { turns }),
      }).filter(type => type === UserMessage).length;

    expect(userMessages()).toBe(3);
    expect(userMessages(0)).toBe(0);
    expect(userMessages(50)).toBe(50);
  });

  it('starts with new and with returning users', () => {
    const first = Array.from({ length: 50 }, (_, seed) => typesOf({ seed })[0]);

    expect(new Set(first)).toEqual(new Set([UserConnected, UserReturned]));
  });

  it('returns valid events of one conversation in the order of their dates for any options', () => {
    fc.assert(
      fc.property(anyOptions, options => {
        const entries = xeniooConversation(options);
        const dated = entries.filter(({ Type }) => Type !== UnmatchedMessage);

        for (const entry of entries) eventOf(entry);
        for (const name of ['ConversationId', 'UserName', 'Channel'] as const) {
          expect(new Set(dated.map(entry => entry[name])).size).toBe(1);
        }
        const dates = dated.map(entry => entry.Date as string);
        expect(dates).toEqual([...new Set(dates)].toSorted());
      }),
    );
  });

  it.each([{ seed: 7 }, {}])(
    'returns dates that differ only after the third fraction digit (%o)',
    options => {
      const dates = xeniooConversation({ ...options, turns: 50 })
        .map(entry => entry.Date)
        .filter(date => typeof date === 'string');
      const inMs = new Set(dates.map(date => +new Date(date)));

      expect(inMs.size).toBeLessThan(dates.length * 0.95);
      expect(inMs.size).toBeGreaterThan(1);
    },
  );

  it('sets fields on every entry', () => {
    const entries = xeniooConversation({
      fields: { city: 'Rome', Channel: 'MyChannel', UserName: undefined },
    });

    for (const entry of entries) {
      expect(entry).toMatchObject({ city: 'Rome', Channel: 'MyChannel' });
      expect(entry).not.toHaveProperty('UserName');
    }
  });

  it('returns the same conversation only for the same seed', () => {
    const text = (options?: XeniooConversationOptions) =>
      JSON.stringify(xeniooConversation(options));

    expect(text({ seed: 7 })).toBe(text({ seed: 7 }));
    expect(text({ seed: 7 })).not.toBe(text({ seed: 8 }));
    expect(text()).not.toBe(text());
  });

  it('returns dates after `startAt`', () => {
    const [first] = xeniooConversation({ startAt: new Date('2030-01-01') });

    expect(first!.Date! > '2030-01-01T00:00:00').toBe(true);
    expect(first!.Date! < '2030-01-01T00:01:00').toBe(true);
  });
});
