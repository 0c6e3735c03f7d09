import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  Deadlines,
  type TimedWork,
} from '../../../lib/handlers/handler-execution.js';

const TIMEOUT_MS = 100;

function start() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const deadlines = new Deadlines(TIMEOUT_MS);
  const late: string[] = [];
  const add = (name: string): TimedWork => {
    const onLate = () => void late.push(name);
    const work = { onLate, startedAt: 0, position: -1 };
    deadlines.add(work);
    return work;
  };
  return { deadlines, late, add };
}

describe('work that takes too long', () => {
  it('is late when its time is over, and not before, and once', () => {
    const { deadlines, late, add } = start();
    const work = add('a');

    vi.advanceTimersByTime(TIMEOUT_MS - 1);
    expect(late).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(late).toEqual(['a']);
    vi.advanceTimersByTime(10 * TIMEOUT_MS);
    expect(late).toEqual(['a']);
    expect(deadlines.remove(work)).toBe(false);
  });

  it('is late at a time of its own, though all of it shares one timer', () => {
    const { late, add } = start();
    add('a');
    vi.advanceTimersByTime(30);
    add('b');
    vi.advanceTimersByTime(30);
    add('c');
    expect(vi.getTimerCount()).toBe(1);

    vi.advanceTimersByTime(40);
    expect(late).toEqual(['a']);
    vi.advanceTimersByTime(30);
    expect(late).toEqual(['a', 'b']);
    vi.advanceTimersByTime(30);
    expect(late).toEqual(['a', 'b', 'c']);
  });

  it('may start other work that is late in its turn', () => {
    const { deadlines, late, add } = start();
    const onLate = () => void add('next');
    deadlines.add({ onLate, startedAt: 0, position: -1 });

    vi.advanceTimersByTime(2 * TIMEOUT_MS - 1);
    expect(late).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(late).toEqual(['next']);
  });
});

it('leaves work alone that ended in time', () => {
  const { deadlines, late, add } = start();
  const [a, b] = [add('a'), add('b')];

  vi.advanceTimersByTime(TIMEOUT_MS - 1);
  expect([deadlines.remove(a), deadlines.remove(b)]).toEqual([true, true]);
  expect(deadlines.remove(a)).toBe(false);
  vi.advanceTimersByTime(TIMEOUT_MS);

  expect(late).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

it('does not keep the process alive', () => {
  const timers = () =>
    process.getActiveResourcesInfo().filter(name => name === 'Timeout').length;
  const before = timers();
  const deadlines = new Deadlines(60_000);
  deadlines.add({ onLate() {}, startedAt: 0, position: -1 });

  expect(timers()).toBe(before);
});

it('calls exactly the work that did not end in time, whatever starts and ends', () => {
  const step = fc.record({
    passMs: fc.nat(60),
    /** Index of the work that ends before another starts. */
    ends: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), steps => {
      const { deadlines, late, add } = start();
      const all: { work: TimedWork; endsAt: number }[] = [];
      const removed: boolean[] = [];
      const expected: boolean[] = [];
      const inTime = new Set<number>();
      let now = 0;
      for (const [index, { passMs, ends }] of steps.entries()) {
        vi.advanceTimersByTime(passMs);
        now += passMs;
        if (ends < index) {
          const { work, endsAt } = all[ends]!;
          removed.push(deadlines.remove(work));
          expected.push(now < endsAt && !inTime.has(ends));
          if (now < endsAt) inTime.add(ends);
        }
        all.push({ work: add(`${index}`), endsAt: now + TIMEOUT_MS });
      }
      vi.advanceTimersByTime(TIMEOUT_MS);
      vi.useRealTimers();

      const others = [...all.keys()].filter(index => !inTime.has(index));
      expect(removed).toEqual(expected);
      expect(late.map(Number).toSorted((a, b) => a - b)).toEqual(others);
    }),
  );
});
