import { SingleBar } from 'cli-progress';
import { plural } from '../plural.js';
import type { OnCall } from '../simulator/send-calls.js';
import type { XeniooReport } from '../simulator/xenioo-report.js';
import { formatCount, formatMs } from './format.js';
import type { Terminal } from './terminal.js';

const STOPPING = 'Waiting for pending calls; press Ctrl-C again to quit';

/** Description of the run. */
export interface ProgressOptions {
  readonly url: string;
  /** Description of the calls, such as `20 conversations`. */
  readonly subject: string;
  /** Calls per second; `Infinity` for as fast as possible, absent to keep the recorded pace. */
  readonly rate?: number | undefined;
  /** Number of events, if it is known. */
  readonly events?: number | undefined;
  /** Time after which no call starts. */
  readonly durationMs?: number | undefined;
}

/** Progress of a run, shown on stderr until it ends. */
export interface Progress {
  readonly onCall: OnCall;
  end(): void;
}

/** Announces a run, and shows a progress bar with live figures on a terminal. */
export function showProgress(
  run: ProgressOptions,
  terminal: Terminal,
): Progress {
  const { signal, isInteractive } = terminal;
  terminal.err(announcement(run));
  let soFar: (() => XeniooReport) | undefined;
  const bar = isInteractive
    ? startBar(terminal, () =>
        signal.aborted ? STOPPING : describe(run, soFar?.()),
      )
    : undefined;
  const onAbort = () => isInteractive || terminal.err(`${STOPPING}.`);
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    onCall: (_answer, report) => void (soFar = report),
    end() {
      signal.removeEventListener('abort', onAbort);
      bar?.stop();
    },
  };
}

function announcement({
  subject,
  url,
  rate,
  durationMs,
}: ProgressOptions): string {
  const parts = [`${subject} to ${url}`];
  if (rate !== undefined) {
    parts.push(Number.isFinite(rate) ? `${rate} calls/s` : 'at full speed');
  }
  if (durationMs !== undefined) parts.push(`for ${formatMs(durationMs)}`);
  return `${parts.join(', ')}. Press Ctrl-C to stop.`;
}

function startBar(terminal: Terminal, format: () => string): SingleBar {
  const bar = new SingleBar({
    format,
    stream: terminal.progress,
    fps: 4,
    clearOnComplete: true,
    linewrap: true,
  });
  bar.start(1, 0);
  return bar;
}

const BAR_LENGTH = 20;

function describe(
  run: ProgressOptions,
  report: XeniooReport | undefined,
): string {
  if (!report) return 'no answer yet';
  const { callsPerSecond, calls, events, latencyMs } = report;
  const { failed, failuresLeft } = report;
  const done = run.durationMs
    ? report.durationMs / run.durationMs
    : report.events / (run.events ?? Infinity);
  const share = Math.min(done, 1);
  const bar = '█'.repeat(Math.round(share * BAR_LENGTH));
  return [
    ...(share > 0
      ? [`${bar.padEnd(BAR_LENGTH, '░')} ${Math.round(share * 100)}%`]
      : []),
    plural(calls, 'call'),
    `${formatCount(Math.round(callsPerSecond))} calls/s`,
    `${failed} failed, ${failuresLeft} left`,
    `p99 ${formatMs(latencyMs.p99)}`,
    plural(events, 'event'),
  ].join(' | ');
}
