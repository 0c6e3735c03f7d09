import type { OnCall } from '../simulator/send-calls.js';
import type { XeniooReport } from '../simulator/xenioo-report.js';
import { fixFor } from './outcomes.js';
import { showProgress, type ProgressOptions } from './progress.js';
import type { Terminal } from './terminal.js';

/** Fraction of the requested rate that counts as reached, since timers are inexact. */
const RATE_TOLERANCE = 0.95;

/** Description of a series of calls. */
export interface CallRun extends ProgressOptions {
  readonly concurrency: number;
  readonly send: (options: SendOptions) => Promise<XeniooReport>;
}

/** Options of `CallRun.send()`. */
interface SendOptions {
  readonly concurrency: number;
  readonly signal: AbortSignal;
  readonly onCall: OnCall;
}

/** Result of a run, for people and for `--json`; it holds no secret. */
export interface CallRunReport extends XeniooReport {
  readonly url: string;
  readonly endedBy: 'all sent' | 'duration' | 'interruption' | 'failures';
  /** True if every call was answered 200 in time. */
  readonly isSuccessful: boolean;
  /** Fix of each outcome that Xenioo counts as a failed call. */
  readonly fixes: Readonly<Record<string, string>>;
  /** Requested calls per second; `null` for as many as possible. */
  readonly requestedRate: number | null;
  readonly isRateReached: boolean;
  readonly concurrency: number;
}

/** Makes the calls and shows their progress, until all are sent, the duration is over, the sender stops or Ctrl-C is pressed. */
export async function runCalls(
  run: CallRun,
  terminal: Terminal,
): Promise<CallRunReport> {
  const { url, concurrency, rate, durationMs } = run;
  const progress = showProgress(run, terminal);
  const timeIsOver =
    durationMs === undefined ? undefined : AbortSignal.timeout(durationMs);
  const signals = [terminal.signal, ...(timeIsOver ? [timeIsOver] : [])];
  const report = await run
    .send({
      concurrency,
      signal: AbortSignal.any(signals),
      onCall: progress.onCall,
    })
    .finally(() => progress.end());
  const requestedRate =
    rate !== undefined && Number.isFinite(rate) ? rate : null;
  const callsPerSecond = Math.min(report.callsPerSecond, rate ?? Infinity);
  const failures = Object.keys(report.outcomes).filter(name => name !== '200');
  return {
    url,
    endedBy: endOf(report, terminal.signal, timeIsOver),
    isSuccessful: report.failed === 0 && report.stopped === undefined,
    fixes: Object.fromEntries(failures.map(name => [name, fixFor(name)])),
    ...report,
    callsPerSecond,
    requestedRate,
    isRateReached:
      requestedRate === null ||
      // One call has no rate.
      report.calls <= 1 ||
      callsPerSecond >= requestedRate * RATE_TOLERANCE,
    concurrency,
  };
}

function endOf(
  { stopped }: XeniooReport,
  interruption: AbortSignal,
  timeIsOver: AbortSignal | undefined,
): CallRunReport['endedBy'] {
  if (stopped !== undefined) return 'failures';
  if (interruption.aborted) return 'interruption';
  return timeIsOver?.aborted ? 'duration' : 'all sent';
}
