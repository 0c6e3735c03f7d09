import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  showProgress,
  type ProgressOptions,
} from '../../../lib/cli/progress.js';
import type { XeniooAnswer } from '../../../lib/simulator/post.js';
import type { XeniooReport } from '../../../lib/simulator/xenioo-report.js';
import { recordTerminal } from '../../support/terminal-recorder.js';

const RUN: ProgressOptions = {
  url: 'http://localhost/',
  subject: '10 conversations',
  rate: 100,
  events: 180,
};

const HALF_WAY: XeniooReport = {
  calls: 80,
  events: 90,
  repeated: 0,
  outcomes: { 200: 77, 500: 3 },
  failed: 3,
  failuresLeft: 7,
  durationMs: 900,
  callsPerSecond: 100,
  latencyMs: { p50: 1.23, p90: 5, p99: 42.1, max: 50 },
};

const ANSWER: XeniooAnswer = {
  outcome: 200,
  headers: {},
  body: '',
  latencyMs: 1,
  reusedConnection: true,
};

/** Creates an interactive terminal and records its output. */
function interactiveTerminal() {
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

describe('showProgress()', () => {
  it('draws a bar with live figures in a terminal', async () => {
    const { terminal, drawn } = interactiveTerminal();

    const progress = showProgress(RUN, terminal);
    progress.onCall(ANSWER, () => HALF_WAY, {});
    await expect
      .poll(drawn)
      .toContain(
        '██████████░░░░░░░░░░ 50% | 80 calls | 100 calls/s | 3 failed, 7 left | p99 42 ms | 90 events',
      );
    progress.end();
  });

  it('draws figures without a bar if the total is unknown', async () => {
    const { terminal, drawn } = interactiveTerminal();

    const progress = showProgress({ ...RUN, events: undefined }, terminal);
    progress.onCall(ANSWER, () => HALF_WAY, {});
    await expect.poll(drawn).toContain('80 calls | 100 calls/s');
    progress.end();

    expect(drawn()).not.toContain('%');
  });

  it('announces on Ctrl-C that it waits for running calls', async () => {
    const { terminal, drawn, stop } = interactiveTerminal();

    const progress = showProgress(RUN, terminal);
    stop.abort();
    await expect.poll(drawn).toContain('Waiting for pending calls');
    progress.end();
  });

  it('prints one line outside a terminal', () => {
    const terminal = recordTerminal();

    const progress = showProgress({ ...RUN, durationMs: 30_000 }, terminal);
    progress.onCall(ANSWER, () => HALF_WAY, {});
    progress.end();

    expect(terminal.stderr()).toBe(
      '10 conversations to http://localhost/, 100 calls/s, for 30 s. Press Ctrl-C to stop.\n',
    );
  });
});
