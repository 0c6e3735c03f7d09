import type { XeniooReport } from '../../testing/xenioo-report.js';
import type { RecordingSize } from './read-recording.js';
import type { ReplayOutcome, ReplayPlan } from './replay.js';

/** What `replay` tells, as JSON too; it holds no secret. */
export interface ReplayReport extends XeniooReport {
  readonly url: string;
  readonly file: string;
  readonly endedBy: ReplayOutcome['endedBy'];
  /** Calls of the file that were not sent; absent where it was a stream, which nobody has counted. */
  readonly unsentCalls?: number;
  /** Whether each call was answered 200 in time, and none was left out. */
  readonly isAsExpected: boolean;
}

/** What there is to say of a replay. */
export function replayReport(
  { url, file }: ReplayPlan,
  { report, endedBy }: ReplayOutcome,
  size: RecordingSize | undefined,
): ReplayReport {
  return {
    url,
    file,
    endedBy,
    isAsExpected: report.failed === 0 && endedBy === 'all sent',
    ...report,
    ...(size && { unsentCalls: size.calls - report.calls }),
  };
}

/** The report as a person reads it. */
export function inTable(report: ReplayReport): string {
  const { calls, events, failed, failuresLeft, outcomes } = report;
  const rows: [string, string][] = [
    ['calls', count(calls)],
    ['events', count(events)],
    ...Object.entries(outcomes).map(([outcome, calls]): [string, string] => [
      /^\d+$/.test(outcome) ? `answered ${outcome}` : outcome,
      count(calls),
    ]),
    ['calls a second', report.callsPerSecond.toFixed(1)],
    ['latency', latencies(report)],
    ['failed', `${count(failed)}; Xenioo lets ${failuresLeft} more pass`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    `${report.file} to ${report.url}, for ${(report.durationMs / 1_000).toFixed(1)} s`,
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    '',
    ...verdict(report),
  ].join('\n');
}

function latencies({ latencyMs, calls }: ReplayReport): string {
  if (calls === 0) return 'none';
  return Object.entries(latencyMs)
    .map(([name, ms]) => `${name} ${(ms as number).toFixed(1)} ms`)
    .join(', ');
}

function verdict(report: ReplayReport): string[] {
  const { stopped, isAsExpected, endedBy, unsentCalls = 0 } = report;
  return [
    ...(stopped === undefined ? [] : [`Stopped: ${stopped}.`]),
    ...(endedBy === 'interruption' ? ['It was interrupted.'] : []),
    ...(unsentCalls > 0
      ? [`Not sent: ${count(unsentCalls)} calls of the file.`]
      : []),
    ...(isAsExpected
      ? ['As Xenioo expects: each call was answered 200 in time.']
      : []),
  ];
}

function count(number: number): string {
  return number.toLocaleString('en');
}
