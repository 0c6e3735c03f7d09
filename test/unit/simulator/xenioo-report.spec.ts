import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { XeniooAnswer } from '../../../lib/simulator/post.js';
import { CallCounter } from '../../../lib/simulator/xenioo-report.js';

function createAnswer(
  latencyMs: number,
  outcome: number | string = 200,
): XeniooAnswer {
  return {
    outcome,
    headers: {},
    body: '',
    latencyMs,
    reusedConnection: false,
    ...(outcome !== 200 && { failure: `was answered ${outcome}` }),
  };
}

function latenciesOf(all: readonly number[]) {
  const counter = new CallCounter();
  for (const ms of all) counter.add(createAnswer(ms), 1, false);
  return counter.report(10, undefined).latencyMs;
}

describe('CallCounter latencies', () => {
  it('are exact to a thousandth', () => {
    const { p50, p90, p99, max } = latenciesOf(
      Array.from({ length: 1_000 }, (_, index) => index + 1),
    );

    expect(Math.abs(p50 / 500 - 1)).toBeLessThan(0.001);
    expect(Math.abs(p90 / 900 - 1)).toBeLessThan(0.001);
    expect(Math.abs(p99 / 990 - 1)).toBeLessThan(0.001);
    expect(Math.abs(max / 1_000 - 1)).toBeLessThan(0.001);
  });

  it('are equal for a single call', () => {
    const { p50, p90, p99, max } = latenciesOf([12.345]);

    for (const ms of [p50, p90, p99, max]) expect(ms).toBeCloseTo(12.345, 1);
  });

  it('ascend from p50 to max', () => {
    const anyLatency = fc.oneof(
      fc.double({ min: 0, max: 10, noNaN: true }),
      fc.double({ min: 0, max: 3_600_000, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(anyLatency, { minLength: 1 }), all => {
        const { p50, p90, p99, max } = latenciesOf(all);
        expect([p50, p90, p99, max]).toEqual(
          [p50, p90, p99, max].toSorted((a, b) => a - b),
        );
        expect(max).toBeGreaterThanOrEqual(Math.max(...all) * 0.999 - 0.001);
      }),
    );
  });

  it('are capped for a call that took days', () => {
    expect(latenciesOf([1, 2 ** 31]).max).toBeGreaterThan(3_000_000);
  });
});

describe('CallCounter.report()', () => {
  it('returns zeros without calls', () => {
    const report = new CallCounter().report(10, undefined);

    expect(report).toMatchObject({
      calls: 0,
      events: 0,
      repeated: 0,
      outcomes: {},
      failed: 0,
      failuresLeft: 10,
      callsPerSecond: 0,
      latencyMs: { p50: 0, p90: 0, p99: 0, max: 0 },
    });
    expect(report).not.toHaveProperty('stopped');
  });

  it('counts calls, entries and outcomes', () => {
    const counter = new CallCounter();
    counter.add(createAnswer(1), 30, false);
    counter.add(createAnswer(1), 30, true);
    counter.add(createAnswer(1, 500), 1, false);
    counter.add(createAnswer(1, 'timeout'), 1, false);

    expect(counter.report(8, 'enough')).toMatchObject({
      calls: 4,
      events: 62,
      repeated: 1,
      outcomes: { 200: 2, 500: 1, timeout: 1 },
      failed: 2,
      failuresLeft: 8,
      stopped: 'enough',
    });
  });

  it('returns a value that JSON supports', () => {
    const report = new CallCounter().report(10, undefined);

    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});
