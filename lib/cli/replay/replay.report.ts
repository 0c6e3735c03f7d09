import type { XeniooReport } from '../../simulator/xenioo-report.js';
import {
  ALL_AS_EXPECTED,
  closingRows,
  count,
  inRows,
  outcomeRows,
  adviceOn,
  troubles,
  type Row,
} from '../report.table.js';
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
  /** What to do about each outcome that Xenioo counts as failed. */
  readonly advice: Readonly<Record<string, string>>;
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
    advice: adviceOn(report),
    ...report,
    ...(size && { unsentCalls: size.calls - report.calls }),
  };
}

/** The report as a person reads it. */
export function inTable(report: ReplayReport): string {
  const rows: Row[] = [
    ['calls', count(report.calls)],
    ['events', count(report.events)],
    ...outcomeRows(report),
    ['calls a second', report.callsPerSecond.toFixed(1)],
    ...closingRows(report),
  ];
  const seconds = (report.durationMs / 1_000).toFixed(1);
  const title = `${report.file} to ${report.url}, for ${seconds} s`;
  return inRows(title, rows, verdict(report));
}

function verdict(report: ReplayReport): string[] {
  const { isAsExpected, endedBy, unsentCalls = 0 } = report;
  return [
    ...troubles(report),
    ...(endedBy === 'interruption' ? ['It was interrupted.'] : []),
    ...(unsentCalls > 0
      ? [`Not sent: ${count(unsentCalls)} calls of the file.`]
      : []),
    ...(isAsExpected ? [ALL_AS_EXPECTED] : []),
  ];
}
