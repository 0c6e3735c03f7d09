import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { XeniooEvent } from '../../../lib/events/xenioo.events.js';
import { xeniooConversation } from '../../../lib/simulator/xenioo-conversation.js';
import {
  xeniooGroup,
  xeniooTraffic,
} from '../../../lib/simulator/xenioo-traffic.js';
import type { XeniooWireEntry } from '../../../lib/simulator/xenioo-wire-entry.js';
import { entryOf } from '../../support/entry-of.js';

/** Groups entries by conversation, without those that have none. */
function byConversation(
  entries: readonly XeniooWireEntry[],
): Map<string, XeniooWireEntry[]> {
  const conversations = new Map<string, XeniooWireEntry[]>();
  for (const entry of entries) {
    const { ConversationId: id } = entry;
    if (typeof id !== 'string') continue;
    conversations.set(id, [...(conversations.get(id) ?? []), entry]);
  }
  return conversations;
}

function takeNext<T>(count: number, from: Iterator<T>): T[] {
  return Array.from({ length: count }, () => from.next().value as T);
}

describe('xeniooTraffic()', () => {
  it('returns whole conversations, each in order', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 30 }), (seed, count) => {
        const options = { seed, turns: 1, takeOver: false };
        const traffic = [
          ...xeniooTraffic({ ...options, conversations: count }),
        ];
        const alone = xeniooConversation(options);

        expect(traffic).toHaveLength(count * alone.length);
        const conversations = byConversation(traffic);
        expect(conversations.size).toBe(count);
        for (const conversation of conversations.values()) {
          const types = conversation.map(({ Type }) => Type).slice(1);
          const expected = alone
            .filter(entry => 'ConversationId' in entry)
            .map(({ Type }) => Type)
            .slice(1);
          expect(types).toEqual(expected);
          const dates = conversation.map(entry => entry.Date as string);
          expect(dates).toEqual([...new Set(dates)].toSorted());
        }
      }),
    );
  });

  it('returns twenty conversations by default', () => {
    expect(byConversation([...xeniooTraffic()]).size).toBe(20);
  });

  it('interleaves the conversations', () => {
    const ids = [...xeniooTraffic({ conversations: 5, seed: 1 })]
      .map(({ ConversationId }) => ConversationId)
      .filter(id => id !== undefined);
    const changes = ids.filter((id, index) => id !== ids[index - 1]).length;

    expect(changes).toBeGreaterThan(20);
  });

  it('starts new conversations with `endless`', () => {
    const traffic = xeniooTraffic({ endless: true, conversations: 3, seed: 1 });
    const entries = takeNext(5_000, traffic);

    const conversations = byConversation(entries);
    expect(conversations.size).toBeGreaterThan(100);
    const lengths = [...conversations.values()].map(
      conversation => conversation.length,
    );
    const whole = Math.max(...lengths);
    const unfinished = lengths.filter(length => length < whole);
    expect(unfinished.length).toBeLessThanOrEqual(3);
  });

  it('creates entries lazily', () => {
    const traffic = xeniooTraffic({ conversations: 1, turns: Infinity });

    expect(takeNext(1_000, traffic)).toHaveLength(1_000);
    traffic.return(undefined);
    expect(traffic.next()).toEqual({ done: true, value: undefined });
  });

  it('returns the same entries only for the same seed', () => {
    const text = (options: { seed?: number }) =>
      JSON.stringify([...xeniooTraffic(options)]);

    expect(text({ seed: 7 })).toBe(text({ seed: 7 }));
    expect(text({ seed: 7 })).not.toBe(text({ seed: 8 }));
    expect(text({})).not.toBe(text({}));
  });

  it.each([0, -1, 1.5, NaN])('rejects %d conversations', conversations => {
    expect(() => xeniooTraffic({ conversations }).next()).toThrow(
      `xeniooTraffic(): expected \`conversations\` to be a whole number from 1 to 1000000, got ${conversations}.`,
    );
    expect(() => xeniooGroup(2, { conversations })).toThrow('`conversations`');
  });
});

describe('xeniooGroup()', () => {
  it.each([0, 1, 2, 3, 30, 1_234])('returns exactly %d entries', count => {
    const group = xeniooGroup(count, { conversations: 2 });

    expect(group).toHaveLength(count);
    for (const entry of group)
      expect(entryOf(entry)).toBeInstanceOf(XeniooEvent);
  });

  it('returns 20,000 different valid entries', () => {
    const group = xeniooGroup(20_000);

    expect(group).toHaveLength(20_000);
    const ids = group.map(entry => {
      const event = entryOf(entry);
      expect(event).toBeInstanceOf(XeniooEvent);
      return event.id;
    });
    expect(new Set(ids).size).toBe(20_000);
  });

  it('returns the same entries for the same seed', () => {
    expect(xeniooGroup(100, { seed: 7 })).toEqual(
      xeniooGroup(100, { seed: 7 }),
    );
    expect(xeniooGroup(100, { seed: 7 })).not.toEqual(
      xeniooGroup(100, { seed: 8 }),
    );
  });
});
