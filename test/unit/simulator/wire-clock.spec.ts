import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SeededRandom } from '../../../lib/simulator/seeded-random.js';
import { WireClock } from '../../../lib/simulator/wire-clock.js';

const WIRE_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00$/;

const anyStart = fc.option(
  fc.date({
    min: new Date('1970-01-01'),
    max: new Date('9998-01-01'),
    noInvalidDate: true,
  }),
  { nil: undefined },
);

afterEach(() => {
  vi.useRealTimers();
});

describe('WireClock', () => {
  it('returns ascending dates with seven fraction digits', () => {
    const anySteps = fc.array(fc.constantFrom('soon', 'later'), {
      minLength: 2,
      maxLength: 100,
    });
    fc.assert(
      fc.property(fc.nat(), anyStart, anySteps, (seed, start, steps) => {
        const clock = new WireClock(new SeededRandom(seed), start);
        const dates = steps.map(step => clock[step]());
        for (const date of dates) expect(date).toMatch(WIRE_DATE);
        expect(dates).toEqual([...new Set(dates)].toSorted());
      }),
    );
  });

  it('returns later dates when the system clock is set back', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2024-05-01T12:00Z') });
    const clock = new WireClock(new SeededRandom(1));
    const before = clock.soon();
    vi.setSystemTime(new Date('2024-05-01T11:00Z'));

    expect(clock.soon() > before).toBe(true);
    expect(clock.later() > before).toBe(true);
  });

  it('follows the system clock without a start date', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2024-05-01T12:00Z') });
    const clock = new WireClock(new SeededRandom(1));
    clock.later();
    vi.setSystemTime(new Date('2025-05-01T12:00Z'));

    expect(clock.later()).toMatch(/^2025-05-01T12:00:00\.000\d{4}\+00:00$/);
  });

  it('ignores the system clock with a start date', () => {
    const dates = () => {
      const clock = new WireClock(
        new SeededRandom(1),
        new Date('2024-05-01T12:00Z'),
      );
      return [clock.later(), clock.soon(), clock.later()];
    };
    const once = dates();
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2034-05-01T12:00Z') });

    expect(dates()).toEqual(once);
    expect(once[0]! > '2024-05-01T12:00').toBe(true);
  });
});
