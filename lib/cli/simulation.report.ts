import type { XeniooReport } from '../simulator/xenioo-report.js';
import {
  ALL_AS_EXPECTED,
  closingRows,
  count,
  inRows,
  outcomeRows,
  adviceOn,
  troubles,
  type Row,
} from './report.table.js';
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
  /** What to do about each outcome that Xenioo counts as failed. */
  readonly advice: Readonly<Record<string, string>>;
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
    advice: adviceOn(report),
    ...report,
    wantedRate: hasRate ? rate : null,
    reachedRate,
    isRateKept: !hasRate || reachedRate >= rate * KEPT,
    concurrency,
  };
}

/** The report as a person reads it. */
export function inTable(report: SimulationReport): string {
  const { calls, events, repeated } = report;
  const rows: Row[] = [
    ['calls', count(calls)],
    ['events', count(events)],
    ['repeated', count(repeated)],
    ...outcomeRows(report),
    ['calls a second', pace(report)],
    ...closingRows(report),
  ];
  return inRows(title(report), rows, verdict(report));
}

function title({ url, durationMs, endedBy }: SimulationReport): string {
  const isCut = endedBy === 'interruption' ? ', until it was interrupted' : '';
  return `${url}, for ${(durationMs / 1_000).toFixed(1)} s${isCut}`;
}

function pace(report: SimulationReport): string {
  const { wantedRate, reachedRate } = report;
  const reached = perSecond(reachedRate);
  if (wantedRate === null) return `${reached}, as fast as they were answered`;
  return `wanted ${perSecond(wantedRate)}, reached ${reached}`;
}

function verdict(report: SimulationReport): string[] {
  const { stopped, failed, calls, isRateKept, concurrency } = report;
  return [
    ...(calls === 0 ? ['Nothing was sent.'] : []),
    ...troubles(report),
    ...(isRateKept || stopped !== undefined
      ? []
      : [
          `The endpoint was too slow for the wanted rate, with ${concurrency} ${concurrency === 1 ? 'call' : 'calls'} at once: see --concurrency.`,
        ]),
    ...(failed === 0 && calls > 0 ? [ALL_AS_EXPECTED] : []),
  ];
}

function perSecond(rate: number): string {
  return `${rate.toLocaleString('en', { maximumFractionDigits: rate < 100 ? 1 : 0 })}/s`;
}
