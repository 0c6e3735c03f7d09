import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  parseLine,
  type RecordedCall,
} from '../../../../lib/cli/record/recorded-call.js';
import { scheduleOf } from '../../../../lib/cli/replay/schedule.js';

const at = (receivedAt: string) =>
  parseLine(JSON.stringify({ receivedAt, body: {} })) as RecordedCall;

const CALLS = [
  at('2024-05-01T12:00:00.000Z'),
  at('2024-05-01T12:00:00.500Z'),
  at('2024-05-01T12:00:03.000Z'),
];

/** When the calls are due, after the first one. */
function dueAfter(...[pace]: Parameters<typeof scheduleOf>): number[] {
  const times = CALLS.map(scheduleOf(pace));
  return times.map(time => Math.round(time - times[0]!));
}

describe('calls that are sent again', () => {
  it('have the pace that they had', () => {
    expect(dueAfter({ speed: 1 })).toEqual([0, 500, 3_000]);
  });

  it('have so many times the pace', () => {
    expect(dueAfter({ speed: 10 })).toEqual([0, 50, 300]);
    expect(dueAfter({ speed: 0.5 })).toEqual([0, 1_000, 6_000]);
  });

  it('are so many a second', () => {
    expect(dueAfter({ rate: 20 })).toEqual([0, 50, 100]);
  });

  it.each([{ rate: 0.5 }, { speed: 1 }])(
    'begin at once, and not before their time (%o)',
    pace => {
      const dueAt = scheduleOf(pace);

      expect(dueAt(CALLS[0]!)).toBeLessThanOrEqual(performance.now());
      expect(dueAt(CALLS[1]!)).toBeGreaterThan(performance.now());
    },
  );

  it('are not hurried after a long pause', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const dueAt = scheduleOf({ rate: 10 });
    dueAt(CALLS[0]!);
    vi.advanceTimersByTime(60_000);

    const times = Array.from({ length: 20 }, () => dueAt(CALLS[0]!));
    const early = times.filter(time => time <= performance.now());

    expect(early.length).toBeLessThanOrEqual(3);
  });

  it('never wait at full speed', () => {
    const dueAt = scheduleOf({ rate: Number.POSITIVE_INFINITY });

    for (const call of CALLS) {
      expect(dueAt(call)).toBeLessThanOrEqual(performance.now());
    }
  });
});
