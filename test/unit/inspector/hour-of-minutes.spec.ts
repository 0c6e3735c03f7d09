import { describe, expect, it } from 'vitest';
import { HourOfMinutes } from '../../../lib/inspector/hour-of-minutes.js';

const MINUTE_MS = 60_000;
const START = Date.UTC(2024, 4, 1, 12, 0, 30);

function startClock() {
  let now = START;
  const hour = new HourOfMinutes(() => now);
  return { hour, go: (minutes: number) => (now += minutes * MINUTE_MS) };
}

describe('an hour of minutes', () => {
  it('has one value for each of the last 60 minutes', () => {
    const { hour, go } = startClock();
    hour.addEvent('user-message');
    hour.addEvent('user-message');
    go(59);
    hour.addEvent('hand-over');
    hour.addStrike();

    const { minutes, events, strikes } = hour.charts();

    expect(minutes).toHaveLength(60);
    expect([minutes[0], minutes[59]]).toEqual([
      '2024-05-01T12:00:00.000Z',
      '2024-05-01T12:59:00.000Z',
    ]);
    expect(events['user-message']).toEqual([2, ...Array<number>(59).fill(0)]);
    expect(events['hand-over']!.at(-1)).toBe(1);
    expect(strikes.at(-1)).toBe(1);
  });

  it('drops what is older than an hour', () => {
    const { hour, go } = startClock();
    hour.addEvent('user-message');
    go(60);

    expect(hour.charts().events).toEqual({});
  });

  it('goes on when the clock is set back', () => {
    const { hour, go } = startClock();
    hour.addEvent('user-message');
    go(-600);
    hour.addEvent('user-message');

    expect(hour.charts().events['user-message']!.at(-1)).toBe(1);
    go(600);
    expect(hour.charts().events).toEqual({});
  });

  it('returns percentiles, of a sample where there are many values', () => {
    const { hour, go } = startClock();
    for (let ms = 1; ms <= 100; ms++) hour.addHandlerRun(ms, ms > 98);
    go(1);
    for (let ms = 1; ms <= 100_000; ms++) hour.addAnswer(ms % 100);

    const { handlerMs, answerMs, failures } = hour.charts();

    expect([handlerMs.p50[58], handlerMs.p95[58], handlerMs.p99[58]]).toEqual([
      50, 95, 99,
    ]);
    expect([handlerMs.p50[59], answerMs.p50[58]]).toEqual([null, null]);
    expect(answerMs.p50[59]).toBeGreaterThan(25);
    expect(answerMs.p50[59]).toBeLessThan(75);
    expect(failures[58]).toBe(2);
  });
});
