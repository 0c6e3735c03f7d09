import { describe, expect, it } from 'vitest';
import type {
  SimulationOutcome,
  SimulationPlan,
} from '../../../lib/cli/simulate.js';
import {
  inTable,
  simulationReport,
} from '../../../lib/cli/simulation.report.js';

const PLAN: SimulationPlan = {
  url: 'http://localhost/',
  secret: 's3cret',
  conversations: 200,
  rate: 100,
  shuffled: false,
  repeated: 0.02,
  failures: 'total',
  concurrency: 64,
  timeoutMs: 10_000,
};

const OUTCOME: SimulationOutcome = {
  endedBy: 'duration',
  reachedRate: 99.9,
  report: {
    calls: 3_060,
    events: 3_060,
    repeated: 60,
    outcomes: { 200: 3_058, 500: 1, timeout: 1 },
    failed: 2,
    failuresLeft: 8,
    durationMs: 30_630,
    callsPerSecond: 99.9,
    latencyMs: { p50: 1.234, p90: 2.5, p99: 12.4, max: 10_000 },
  },
};

const reportOf = (
  plan: Partial<SimulationPlan>,
  outcome: Partial<SimulationOutcome> = {},
) => simulationReport({ ...PLAN, ...plan }, { ...OUTCOME, ...outcome });

describe('the report of a simulation', () => {
  it('is a table', () => {
    expect(inTable(reportOf({}))).toMatchInlineSnapshot(`
      "http://localhost/, for 30.6 s

        calls           3,060
        events          3,060
        repeated        60
        answered 200    3,058
        answered 500    1
        timeout         1
        calls a second  wanted 100/s, reached 99.9/s
        latency         p50 1.2 ms, p90 2.5 ms, p99 12 ms, max 10000 ms
        failed          2; Xenioo lets 8 more pass

      500: The app failed while it handled the call: its log says why. Answer 200 first, then handle.
      timeout: Answer 200 first, then handle. How long Xenioo waits is not documented."
    `);
  });

  it('tells a rate that was not reached', () => {
    const report = reportOf({}, { reachedRate: 62.04 });

    expect(report.isRateKept).toBe(false);
    expect(inTable(report)).toContain('wanted 100/s, reached 62/s');
    expect(inTable(report)).toContain('too slow for the wanted rate');
  });

  it('wants no rate where calls were to be as fast as possible', () => {
    const report = reportOf({ rate: Infinity }, { reachedRate: 5_123.4 });

    expect(report).toMatchObject({ wantedRate: null, isRateKept: true });
    expect(inTable(report)).toContain('5,123/s, as fast as they were answered');
  });

  it('says where nothing was sent', () => {
    const report = { ...OUTCOME.report, calls: 0, outcomes: {}, failed: 0 };

    expect(inTable(reportOf({}, { endedBy: 'interruption', report }))).toMatch(
      /until it was interrupted[^]*Nothing was sent\.$/,
    );
  });

  it('holds no secret', () => {
    expect(JSON.stringify(reportOf({}))).not.toContain('s3cret');
  });
});
