import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { eventId } from '../../../lib/events/wire-entry.js';
import { AcceptedIds } from '../../../lib/memory/accepted-ids.js';
import { eventOf, invalidOf } from '../../support/entry-of.js';

it('AcceptedIds.addNew() returns each new entry of a call once', () => {
  const Date = '2024-05-01T12:00:00Z';
  const [a, b] = ['a', 'b'].map(Data => eventOf({ Type: 1, Data, Date }));
  const undated = eventOf({ Type: 1 });
  const invalid = invalidOf({ Type: 'x', Date });
  const ids = new AcceptedIds(10, 60_000);

  expect(ids.addNew([a!, undated, a!, invalid])).toEqual([a, undated, invalid]);
  expect(ids.addNew([b!, a!, undated, invalid])).toEqual([b, undated, invalid]);
});

it('AcceptedIds.addNew() measures time with a monotonic clock', () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const event = eventOf({ Type: 1, Date: '2024-05-01T12:00:00Z' });
  const ids = new AcceptedIds(10, 60_000);
  ids.addNew([event]);

  vi.setSystemTime(0);
  vi.advanceTimersByTime(59_999);
  expect(ids.addNew([event])).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(ids.addNew([event])).toEqual([event]);
});

describe('AcceptedIds.addIfNew()', () => {
  it('forgets an id after its time', () => {
    const ids = new AcceptedIds(3, 100);

    expect(ids.addIfNew('a', 0)).toBe(true);
    expect(ids.addIfNew('a', 99)).toBe(false);
    expect(ids.addIfNew('a', 100)).toBe(true);
    expect(ids.addIfNew('a', 199)).toBe(false);
  });

  it('restarts the time of an id that is added again', () => {
    const ids = new AcceptedIds(2, 100);
    ids.addIfNew('a', 0);
    ids.addIfNew('a', 100);
    ids.addIfNew('b', 101);

    expect(ids.addIfNew('a', 102)).toBe(false);
    expect(ids.addIfNew('b', 102)).toBe(false);
  });
});

/** Implements `addIfNew()` with an array, for comparison. */
class NaiveIds {
  private added: { id: string; atMs: number }[] = [];

  constructor(
    private readonly max: number,
    private readonly ttlMs: number,
  ) {}

  addIfNew(id: string, now: number): boolean {
    const isKnown = this.added.some(
      one => one.id === id && now - one.atMs < this.ttlMs,
    );
    if (!isKnown) {
      const others = this.added.filter(one => one.id !== id);
      this.added = [...others, { id, atMs: now }].slice(-this.max);
    }
    return !isKnown;
  }
}

it('AcceptedIds remembers the same ids as a naive array', () => {
  const step = fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    passMs: fc.nat(40),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(step, { maxLength: 60 }),
      (max, steps) => {
        const [ids, naive] = [
          new AcceptedIds(max, 100),
          new NaiveIds(max, 100),
        ];
        let now = 0;
        for (const { id, passMs } of steps) {
          now += passMs;
          expect(ids.addIfNew(id, now)).toBe(naive.addIfNew(id, now));
        }
      },
    ),
    { numRuns: 500 },
  );
});

it('AcceptedIds remembers as many ids as allowed and compares 120 bits of each', () => {
  const idOf = (n: number) => eventId({ Type: 1, Date: String(n) });
  /** Changes the character with bits 115 to 120 of an id. */
  const other = (id: string) =>
    `${id.slice(0, 19)}${id[19] === 'A' ? 'E' : 'A'}${id.slice(20)}`;
  const ids = new AcceptedIds(5_000, 100);
  const all = Array.from({ length: 12_000 }, (_, n) => idOf(n));

  expect(all.every(id => ids.addIfNew(id, 0))).toBe(true);

  expect(all.slice(7_000).some(id => ids.addIfNew(id, 0))).toBe(false);
  const others = all.slice(9_000).map(other);
  expect(others.every(id => ids.addIfNew(id, 0))).toBe(true);
  expect(all.slice(0, 2_000).every(id => ids.addIfNew(id, 0))).toBe(true);
});
