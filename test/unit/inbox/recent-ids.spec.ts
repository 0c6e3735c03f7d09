import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventId } from '../../../lib/events/event-id.js';
import { RecentIds } from '../../../lib/inbox/recent-ids.js';

describe('an id', () => {
  it('is remembered for so long, and may then be added again', () => {
    const ids = new RecentIds(3, 100);
    ids.add('a', 0);

    expect(ids.has('a', 99)).toBe(true);
    expect(ids.has('a', 100)).toBe(false);
    ids.add('a', 100);
    expect(ids.has('a', 199)).toBe(true);
  });

  it('that was added again is not forgotten for its first time', () => {
    const ids = new RecentIds(2, 100);
    ids.add('a', 0);
    ids.add('a', 100);
    ids.add('b', 101);

    expect([ids.has('a', 102), ids.has('b', 102)]).toEqual([true, true]);
  });
});

/** What it should do, in the plainest way. */
class Plainly {
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

it('are remembered as the plainest way remembers them, whatever comes', () => {
  const step = fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    passMs: fc.nat(40),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(step, { maxLength: 60 }),
      (max, steps) => {
        const [ids, plainly] = [new RecentIds(max, 100), new Plainly(max, 100)];
        let now = 0;
        for (const { id, passMs } of steps) {
          now += passMs;
          const isKnown = ids.has(id, now);
          expect(isKnown).toBe(plainly.has(id, now));
          if (isKnown) continue;
          ids.add(id, now);
          plainly.add(id, now);
        }
      },
    ),
    { numRuns: 500 },
  );
});

it('are remembered however many they are, and told apart to the last bit', () => {
  const idOf = (n: number) => eventId({ Type: 1, Date: String(n) });
  const other = (id: string) =>
    `${id.slice(0, -1)}${id.endsWith('A') ? 'E' : 'A'}`;
  const ids = new RecentIds(5_000, 100);
  for (let n = 0; n < 12_000; n++) {
    expect(ids.has(idOf(n), 0)).toBe(false);
    ids.add(idOf(n), 0);
  }

  for (let n = 0; n < 12_000; n++) {
    expect(ids.has(idOf(n), 0)).toBe(n >= 7_000);
    expect(ids.has(other(idOf(n)), 0)).toBe(false);
  }
});
