import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { SimulationPlan } from '../../../lib/cli/simulate.js';
import { showProgress } from '../../../lib/cli/simulation.progress.js';
import type { XeniooReport } from '../../../lib/simulator/xenioo-report.js';
import { recordTerminal } from '../../support/terminal-recorder.js';

const PLAN: SimulationPlan = {
  url: 'http://localhost/',
  secret: 's3cret',
  conversations: 10,
  rate: 100,
  durationMs: undefined,
  shuffled: false,
  repeated: 0,
  failures: 'total',
  concurrency: 64,
  timeoutMs: 10_000,
};

const HALF_WAY: XeniooReport = {
  calls: 90,
  events: 90,
  repeated: 0,
  outcomes: { 200: 87, 500: 3 },
  failed: 3,
  failuresLeft: 7,
  durationMs: 900,
  callsPerSecond: 100,
  latencyMs: { p50: 1.23, p90: 5, p99: 42.1, max: 50 },
};

/** A terminal that somebody looks at, and what is drawn there. */
function watchedTerminal() {
  const progress = new PassThrough();
  let drawn = '';
  progress.setEncoding('utf8').on('data', text => (drawn += text));
  Object.assign(progress, { isTTY: true, columns: 120 });
  const stop = new AbortController();
  const terminal = {
    ...recordTerminal(),
    isInteractive: true,
    progress,
    signal: stop.signal,
  };
  return { terminal, drawn: () => drawn, stop };
}

describe('the progress of a simulation', () => {
  it('is a bar with live counters for who looks at it', async () => {
    const { terminal, drawn } = watchedTerminal();

    const progress = showProgress(PLAN, terminal);
    progress.onCall(() => HALF_WAY);
    await expect
      .poll(drawn)
      .toContain(
        '50% | 100 calls/s | 90 events | p50 1.2 ms | p99 42 ms | 3 failed, 7 left',
      );
    progress.end();

    expect(terminal.stderr()).toBe('');
  });

  it('says in the bar that it is ending', async () => {
    const { terminal, drawn, stop } = watchedTerminal();

    const progress = showProgress(PLAN, terminal);
    stop.abort();
    await expect.poll(drawn).toContain('Waiting for the calls under way');
    progress.end();

    expect(terminal.stderr()).toBe('');
  });

  it('is one line for any other reader', () => {
    const terminal = recordTerminal();

    const progress = showProgress({ ...PLAN, durationMs: 30_000 }, terminal);
    progress.onCall(() => HALF_WAY);
    progress.end();

    expect(terminal.stderr()).toBe(
      '10 conversations to http://localhost/, 100 calls a second, for 30 s; Ctrl-C ends it.\n',
    );
  });
});
