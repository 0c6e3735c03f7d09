import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { RetryTimers } from '../../../lib/inbox/retry-timers.js';

const NOW = Date.UTC(2024, 4, 1);

let timers: RetryTimers;
let ran: string[];

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  onTestFinished(() => void vi.useRealTimers());
  timers = new RetryTimers();
  ran = [];
});

const add = (name: string, at: number) =>
  timers.add(at, () => void ran.push(name));

describe('what is to run at a time', () => {
  it('runs then, and not before, and once', () => {
    add('late', NOW + 100);
    add('early', NOW + 50);

    vi.advanceTimersByTime(49);
    expect(ran).toEqual([]);
    vi.advanceTimersByTime(3);
    expect(ran).toEqual(['early']);
    vi.advanceTimersByTime(50);
    expect(ran).toEqual(['early', 'late']);
    vi.advanceTimersByTime(10_000);
    expect(ran).toHaveLength(2);
  });

  it('runs soon where the time is past, and not at once', () => {
    add('past', NOW - 1_000);
    expect(ran).toEqual([]);

    vi.advanceTimersByTime(2);
    expect(ran).toEqual(['past']);
  });

  it('may be as far as a timer reaches', () => {
    add('far', NOW + 2 ** 31 - 1);
    vi.advanceTimersByTime(10_000);

    expect(ran).toEqual([]);
  });
});

describe('when all are to run', () => {
  it('runs at once what waits, in its order, and nothing twice', () => {
    add('a', NOW + 100);
    add('done', NOW);
    add('b', NOW + 50);
    vi.advanceTimersByTime(2);

    timers.runAll();
    timers.runAll();
    vi.advanceTimersByTime(10_000);

    expect(ran).toEqual(['done', 'a', 'b']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves to its time what one of them adds', () => {
    timers.add(NOW + 50, () => add('again', NOW + 100));
    timers.runAll();
    expect(ran).toEqual([]);

    vi.advanceTimersByTime(102);
    expect(ran).toEqual(['again']);
  });
});
