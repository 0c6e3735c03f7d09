import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  Deadlines,
  type TimedWork,
} from '../../../lib/handlers/handler-execution.js';

const TIMEOUT_MS = 100;

function startDeadlines() {
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

describe('Deadlines', () => {
  it('calls onLate once, exactly when the time is over', () => {
    const { deadlines, late, add } = startDeadlines();
    const work = add('a');

    vi.advanceTimersByTime(TIMEOUT_MS - 1);
    expect(late).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(late).toEqual(['a']);
    vi.advanceTimersByTime(10 * TIMEOUT_MS);
    expect(late).toEqual(['a']);
    expect(deadlines.remove(work)).toBe(false);
  });

  it('uses one timer for all work and a separate deadline for each', () => {
    const { late, add } = startDeadlines();
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

  it('accepts new work from onLate', () => {
    const { deadlines, late, add } = startDeadlines();
    const onLate = () => void add('next');
    deadlines.add({ onLate, startedAt: 0, position: -1 });

    vi.advanceTimersByTime(2 * TIMEOUT_MS - 1);
    expect(late).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(late).toEqual(['next']);
  });
});

it('Deadlines.remove() keeps finished work from being reported late', () => {
  const { deadlines, late, add } = startDeadlines();
  const [a, b] = [add('a'), add('b')];

  vi.advanceTimersByTime(TIMEOUT_MS - 1);
  expect([deadlines.remove(a), deadlines.remove(b)]).toEqual([true, true]);
  expect(deadlines.remove(a)).toBe(false);
  vi.advanceTimersByTime(TIMEOUT_MS);

  expect(late).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

it('Deadlines gives paused work its whole time after restart()', () => {
  const { deadlines, late, add } = startDeadlines();
  const work = add('work');

  deadlines.pause(work);
  vi.advanceTimersByTime(10 * TIMEOUT_MS);
  deadlines.restart(work);
  vi.advanceTimersByTime(TIMEOUT_MS - 1);
  expect(late).toEqual([]);
  vi.advanceTimersByTime(1);

  expect(late).toEqual(['work']);
});

it('Deadlines does not keep the process alive', () => {
  const countTimers = () =>
    process.getActiveResourcesInfo().filter(name => name === 'Timeout').length;
  const before = countTimers();
  const deadlines = new Deadlines(60_000);
  deadlines.add({ onLate() {}, startedAt: 0, position: -1 });

  expect(countTimers()).toBe(before);
});

it('Deadlines reports exactly the work that was not removed in time', () => {
  const step = fc.record({
    passMs: fc.nat(60),
    /** Index of the work that ends before the next one starts. */
    ends: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), steps => {
      const { deadlines, late, add } = startDeadlines();
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
