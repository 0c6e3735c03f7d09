import type { XeniooReport } from '../testing/xenioo-report.js';
import { advise } from './advise.js';
import { inMs } from './describe-call.js';
import type { SimulationOutcome, SimulationPlan } from './simulate.js';

/** A rate that is missed by less than this is kept: timers and the last calls make it inexact. */
const KEPT = 0.95;

/** What `simulate` tells, as JSON too; it holds no secret. */
export interface SimulationReport extends XeniooReport {
  readonly url: string;
  readonly conversations: number;
  readonly endedBy: SimulationOutcome['endedBy'];
  /** Calls a second that were asked for; `null` for as many as possible. */
  readonly wantedRate: number | null;
  /** Calls a second that were answered. */
  readonly reachedRate: number;
  readonly isRateKept: boolean;
  /** Most calls that waited for an answer at once. */
  readonly concurrency: number;
  /** Whether each call was answered 200 in time. */
  readonly isAsExpected: boolean;
}

/** What there is to say of a simulation. */
export function simulationReport(
  { url, conversations, concurrency, rate }: SimulationPlan,
  { report, endedBy, reachedRate }: SimulationOutcome,
): SimulationReport {
  const hasRate = Number.isFinite(rate);
  return {
    url,
    conversations,
    endedBy,
    isAsExpected: report.failed === 0,
    ...report,
    wantedRate: hasRate ? rate : null,
    reachedRate,
    isRateKept: !hasRate || reachedRate >= rate * KEPT,
    concurrency,
  };
}

/** The report as a person reads it. */
export function inTable(report: SimulationReport): string {
  const { calls, events, repeated, failuresLeft, failed } = report;
  const rows: [string, string][] = [
    ['calls', count(calls)],
    ['events', count(events)],
    ['repeated', count(repeated)],
    ...outcomeRows(report),
    ['calls a second', pace(report)],
    ['latency', latencies(report)],
    ['failed', `${count(failed)}; Xenioo lets ${failuresLeft} more pass`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    title(report),
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    '',
    ...verdict(report),
  ].join('\n');
}

function title({ url, durationMs, endedBy }: SimulationReport): string {
  const isCut = endedBy === 'interruption' ? ', until it was interrupted' : '';
  return `${url}, for ${(durationMs / 1_000).toFixed(1)} s${isCut}`;
}

function outcomeRows({ outcomes }: SimulationReport): [string, string][] {
  return Object.entries(outcomes).map(([outcome, calls]) => [
    /^\d+$/.test(outcome) ? `answered ${outcome}` : outcome,
    count(calls),
  ]);
}

function pace(report: SimulationReport): string {
  const { wantedRate, reachedRate } = report;
  const reached = perSecond(reachedRate);
  if (wantedRate === null) return `${reached}, as fast as they were answered`;
  return `wanted ${perSecond(wantedRate)}, reached ${reached}`;
}

function latencies({ latencyMs, calls }: SimulationReport): string {
  if (calls === 0) return 'none';
  return Object.entries(latencyMs)
    .map(([name, ms]) => `${name} ${inMs(ms as number)}`)
    .join(', ');
}

function verdict(report: SimulationReport): string[] {
  const { stopped, failed, failuresLeft, calls } = report;
  const { isRateKept, outcomes, concurrency } = report;
  const failures = Object.keys(outcomes).filter(outcome => outcome !== '200');
  return [
    ...(calls === 0 ? ['Nothing was sent.'] : []),
    ...(stopped === undefined ? [] : [`Stopped: ${stopped}.`]),
    ...(stopped === undefined && failuresLeft === 0 && failed > 10
      ? ['Xenioo would have stopped calling: more than 10 calls failed.']
      : []),
    ...failures.map(outcome => `${outcome}: ${advise(outcome)}`),
    ...(isRateKept || stopped !== undefined
      ? []
      : [
          `The endpoint was too slow for the wanted rate, with ${concurrency} ${concurrency === 1 ? 'call' : 'calls'} at once: see --concurrency.`,
        ]),
    ...(failed === 0 && calls > 0
      ? ['As Xenioo expects: each call was answered 200 in time.']
      : []),
  ];
}

function count(number: number): string {
  return number.toLocaleString('en');
}

function perSecond(rate: number): string {
  return `${rate.toLocaleString('en', { maximumFractionDigits: rate < 100 ? 1 : 0 })}/s`;
}
