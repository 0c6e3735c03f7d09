import type { XeniooReport } from '../simulator/xenioo-report.js';
import { advise } from './advise.js';
import { inMs } from './describe-call.js';

/** A name, and what there is to say of it. */
export type Row = readonly [name: string, value: string];

/** A report as a person reads it: the rows under a title, then what follows from them. */
export function inRows(
  title: string,
  rows: readonly Row[],
  verdict: readonly string[],
): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    title,
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    '',
    ...verdict,
  ].join('\n');
}

/** What calls were answered, a row each. */
export function outcomeRows({ outcomes }: XeniooReport): Row[] {
  return Object.entries(outcomes).map(([outcome, calls]) => [
    /^\d+$/.test(outcome) ? `answered ${outcome}` : outcome,
    count(calls),
  ]);
}

/** How long calls took, and how many failed. */
export function closingRows(report: XeniooReport): Row[] {
  const { calls, latencyMs, failed, failuresLeft } = report;
  const latency = Object.entries(latencyMs)
    .map(([name, ms]) => `${name} ${inMs(ms as number)}`)
    .join(', ');
  return [
    ['latency', calls === 0 ? 'none' : latency],
    ['failed', `${count(failed)}; Xenioo lets ${failuresLeft} more pass`],
  ];
}

/** Why it stopped, and what to do about each outcome that Xenioo counts as failed. */
export function troubles(report: XeniooReport): string[] {
  const { stopped, failed, failuresLeft } = report;
  return [
    ...(stopped === undefined ? [] : [`Stopped: ${stopped}.`]),
    ...(stopped === undefined && failuresLeft === 0 && failed > 10
      ? ['Xenioo would have stopped calling: more than 10 calls failed.']
      : []),
    ...Object.entries(adviceOn(report)).map(
      ([outcome, advice]) => `${outcome}: ${advice}`,
    ),
  ];
}

/** What to do about each outcome that Xenioo counts as failed. */
export function adviceOn({ outcomes }: XeniooReport): Record<string, string> {
  const failures = Object.keys(outcomes).filter(outcome => outcome !== '200');
  return Object.fromEntries(
    failures.map(outcome => [outcome, advise(outcome)]),
  );
}

export const ALL_AS_EXPECTED =
  'As Xenioo expects: each call was answered 200 in time.';

/** A number in digits that are easy to read. */
export function count(number: number): string {
  return number.toLocaleString('en');
}
