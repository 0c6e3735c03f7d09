import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { eventId } from '../../../lib/events/wire-entry.js';
import { AcceptedIds } from '../../../lib/memory/accepted-ids.js';
import { eventOf, invalidOf } from '../../support/receipt.js';

it('finds the entries of a call that are new, once each', () => {
  const Date = '2024-05-01T12:00:00Z';
  const [a, b] = ['a', 'b'].map(Data => eventOf({ Type: 1, Data, Date }));
  const undated = eventOf({ Type: 1 });
  const invalid = invalidOf({ Type: 'x', Date });
  const ids = new AcceptedIds(10, 60_000);

  expect(ids.addNew([a!, undated, a!, invalid])).toEqual([a, undated, invalid]);
  expect(ids.addNew([b!, a!, undated, invalid])).toEqual([b, undated, invalid]);
});

it('remembers an id by a clock that never steps back', () => {
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

describe('an id', () => {
  it('is remembered for its time, and may then be added again', () => {
    const ids = new AcceptedIds(3, 100);
    ids.add('a', 0);

    expect(ids.has('a', 99)).toBe(true);
    expect(ids.has('a', 100)).toBe(false);
    ids.add('a', 100);
    expect(ids.has('a', 199)).toBe(true);
  });

  it('that was added again is remembered from then on', () => {
    const ids = new AcceptedIds(2, 100);
    ids.add('a', 0);
    ids.add('a', 100);
    ids.add('b', 101);

    expect([ids.has('a', 102), ids.has('b', 102)]).toEqual([true, true]);
  });
});

/** The same with an array. */
class NaiveIds {
  private added: { id: string; atMs: number }[] = [];

  constructor(
    private readonly max: number,
    private readonly ttlMs: number,
  ) {}

  has(id: string, now: number): boolean {
    return this.added.some(one => one.id === id && now - one.atMs < this.ttlMs);
  }

  add(id: string, atMs: number): void {
    this.added = [...this.added, { id, atMs }].slice(-this.max);
  }
}

it('remembers what an array would remember, whatever comes', () => {
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
          const isKnown = ids.has(id, now);
          expect(isKnown).toBe(naive.has(id, now));
          if (isKnown) continue;
          ids.add(id, now);
          naive.add(id, now);
        }
      },
    ),
    { numRuns: 500 },
  );
});

it('remembers as many ids as it may, and tells them apart to the last bit', () => {
  const idOf = (n: number) => eventId({ Type: 1, Date: String(n) });
  const other = (id: string) =>
    `${id.slice(0, -1)}${id.endsWith('A') ? 'E' : 'A'}`;
  const ids = new AcceptedIds(5_000, 100);
  for (let n = 0; n < 12_000; n++) {
    expect(ids.has(idOf(n), 0)).toBe(false);
    ids.add(idOf(n), 0);
  }

  for (let n = 0; n < 12_000; n++) {
    expect(ids.has(idOf(n), 0)).toBe(n >= 7_000);
    expect(ids.has(other(idOf(n)), 0)).toBe(false);
  }
});
