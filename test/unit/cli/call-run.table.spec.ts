import { describe, expect, it } from 'vitest';
import type { CallRunReport } from '../../../lib/cli/call-run.js';
import { formatCallRun } from '../../../lib/cli/call-run.table.js';

const REPORT: CallRunReport = {
  url: 'http://localhost/',
  endedBy: 'duration',
  isSuccessful: false,
  fixes: { 500: 'See the log.', timeout: 'Answer first.' },
  calls: 3_060,
  events: 3_060,
  repeated: 60,
  outcomes: { 200: 3_058, 500: 1, timeout: 1 },
  failed: 2,
  failuresLeft: 8,
  durationMs: 30_630,
  callsPerSecond: 99.9,
  latencyMs: { p50: 1.234, p90: 2.5, p99: 12.4, max: 10_000 },
  requestedRate: 100,
  isRateReached: true,
  concurrency: 64,
};

const format = (report: Partial<CallRunReport>) =>
  formatCallRun({ ...REPORT, ...report });

describe('formatCallRun()', () => {
  it('formats a table and a fix for each failure', () => {
    expect(format({})).toMatchInlineSnapshot(`
      "http://localhost/, 30.6 s

        calls                      3,060
        events                     3,060
        repeated                   60
        200 OK                     3,058
        500 Internal Server Error  1
        no answer in time          1
        calls/s                    99.9 of 100 requested
        latency                    p50 1.2 ms, p90 2.5 ms, p99 12 ms, max 10 s
        failed                     2 (Xenioo tolerates 8 more)

      500 Internal Server Error. Fix: See the log.
      no answer in time. Fix: Answer first."
    `);
  });

  it('reports when the requested rate was not reached', () => {
    const text = format({ callsPerSecond: 62.04, isRateReached: false });

    expect(text).toMatch(/calls\/s +62 of 100 requested\n/);
    expect(text).toContain('did not reach this rate with 64 pending calls');
  });

  it('shows only the reached rate for calls at full speed', () => {
    const text = format({ callsPerSecond: 5_123.4, requestedRate: null });

    expect(text).toMatch(/calls\/s +5,123\n/);
  });

  it('reports an interruption before the first call', () => {
    const text = format({
      calls: 0,
      outcomes: {},
      failed: 0,
      fixes: {},
      isSuccessful: true,
      endedBy: 'interruption',
    });

    expect(text).toMatch(/\nNo call was made\.\nInterrupted\.$/);
  });

  it('reports that all calls were answered 200', () => {
    expect(format({ fixes: {}, failed: 0, isSuccessful: true })).toMatch(
      /\nAll calls were answered 200 in time\.$/,
    );
  });
});
