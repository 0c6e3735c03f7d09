import { plural } from '../plural.js';
import type { CallRunReport } from './call-run.js';
import { formatCount, formatMs, formatRows } from './format.js';
import { describeOutcome } from './outcomes.js';

/** Formats the report of a run for people. */
export function formatCallRun(report: CallRunReport): string {
  const { url, calls, events, repeated, outcomes, durationMs } = report;
  const rows = [
    ['calls', formatCount(calls)],
    ['events', formatCount(events)],
    ...(repeated > 0 ? [['repeated', formatCount(repeated)]] : []),
    ...Object.entries(outcomes).map(([outcome, count]) => [
      describeOutcome(outcome),
      formatCount(count),
    ]),
    ['calls/s', formatRate(report)],
    ['latency', formatLatency(report)],
    ['failed', formatFailures(report)],
  ];
  return [
    `${url}, ${formatMs(durationMs)}`,
    '',
    formatRows(rows),
    '',
    ...conclusion(report),
  ].join('\n');
}

function formatRate({ callsPerSecond, requestedRate }: CallRunReport): string {
  const reached = callsPerSecond.toLocaleString('en', {
    maximumFractionDigits: callsPerSecond < 100 ? 1 : 0,
  });
  return requestedRate === null
    ? reached
    : `${reached} of ${requestedRate} requested`;
}

function formatLatency({ calls, latencyMs }: CallRunReport): string {
  if (calls === 0) return 'none';
  const { p50, p90, p99, max } = latencyMs;
  return Object.entries({ p50, p90, p99, max })
    .map(([name, ms]) => `${name} ${formatMs(ms)}`)
    .join(', ');
}

function formatFailures({ failed, failuresLeft }: CallRunReport): string {
  return `${formatCount(failed)} (Xenioo tolerates ${failuresLeft} more)`;
}

function conclusion(report: CallRunReport): string[] {
  const { stopped, failed, failuresLeft, calls, fixes, endedBy } = report;
  const { isSuccessful, isRateReached, concurrency } = report;
  const lines: string[] = [];
  if (calls === 0) lines.push('No call was made.');
  if (endedBy === 'interruption') lines.push('Interrupted.');
  if (stopped !== undefined) lines.push(`Stopped: ${stopped}.`);
  else if (failuresLeft === 0 && failed > 10) {
    lines.push('Xenioo would have stopped: more than 10 calls failed.');
  }
  for (const [outcome, fix] of Object.entries(fixes)) {
    lines.push(`${describeOutcome(outcome)}. Fix: ${fix}`);
  }
  if (!isRateReached && stopped === undefined) {
    lines.push(
      `The endpoint did not reach this rate with ${plural(concurrency, 'pending call')}. Fix: raise --concurrency, or make the endpoint faster.`,
    );
  }
  if (isSuccessful && calls > 0) {
    lines.push('All calls were answered 200 in time.');
  }
  return lines;
}
