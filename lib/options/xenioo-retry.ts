import { kindOf, quote } from './describe-value.js';
import { LONGEST_TIMER_MS, rangeProblems } from './range-problems.js';
import { unknownNames } from './unknown-names.js';
import { withoutUndefined } from './without-undefined.js';

/** How often and when a handler that throws is tried again. */
export interface XeniooRetryOptions {
  /**
   * Attempts in all, the first one counted.
   * @default 10
   */
  attempts?: number | undefined;

  /**
   * `'exponential'` doubles the delay after each attempt, `'fixed'` keeps it.
   * @default 'exponential'
   */
  backoff?: 'exponential' | 'fixed' | undefined;

  /**
   * Delay before the second attempt, in milliseconds. Each delay is lengthened
   * at random by up to a half, so that what failed together is not retried together.
   * @default 1_000
   */
  delayMs?: number | undefined;

  /**
   * Longest delay, in milliseconds; `delayMs` where that is longer.
   * @default 300_000
   */
  maxDelayMs?: number | undefined;
}

/** Retry options with every default in place. */
export interface XeniooRetrySettings {
  readonly attempts: number;
  readonly backoff: 'exponential' | 'fixed';
  readonly delayMs: number;
  readonly maxDelayMs: number;
}

/** How much a delay is lengthened at most. */
const JITTER = 0.5;

const DEFAULTS: XeniooRetrySettings = {
  attempts: 10,
  backoff: 'exponential',
  delayMs: 1_000,
  maxDelayMs: 300_000,
};

const RANGES = {
  attempts: [1, 1_000],
  delayMs: [0, LONGEST_TIMER_MS],
  maxDelayMs: [0, LONGEST_TIMER_MS],
} as const;

/** A sentence for each thing in an option `retry` that can't be. */
export function retryProblems(retry: unknown): string[] {
  if (retry === undefined || retry === false) return [];
  if (typeof retry !== 'object' || retry === null || Array.isArray(retry)) {
    return [
      `expected \`retry\` to be an object of options or false, got ${kindOf(retry)}`,
    ];
  }
  const given = { ...DEFAULTS, ...withoutUndefined(retry) };
  const problems = [
    ...unknownNames(given, Object.keys(DEFAULTS)),
    ...rangeProblems(given, RANGES, 'retry.'),
  ];
  if (given.backoff !== 'exponential' && given.backoff !== 'fixed') {
    problems.push(
      `expected \`retry.backoff\` to be 'exponential' or 'fixed', got ${quote(given.backoff)}`,
    );
  }
  const { delayMs, maxDelayMs } = retry as XeniooRetryOptions;
  if (
    maxDelayMs !== undefined &&
    delayMs !== undefined &&
    maxDelayMs < delayMs
  ) {
    problems.push(
      `expected \`retry.maxDelayMs\` to be \`retry.delayMs\` (${quote(delayMs)}) or more, got ${quote(maxDelayMs)}`,
    );
  }
  return problems;
}

/** Fills in what is not given: from `others`, or with the defaults. */
export function resolveRetry(
  given: XeniooRetryOptions | false | undefined,
  others: XeniooRetrySettings | false = DEFAULTS,
): XeniooRetrySettings | false {
  if (given === undefined) return others;
  if (given === false) return false;
  const rest = others || DEFAULTS;
  const delayMs = given.delayMs ?? rest.delayMs;
  return {
    attempts: given.attempts ?? rest.attempts,
    backoff: given.backoff ?? rest.backoff,
    delayMs,
    maxDelayMs: given.maxDelayMs ?? Math.max(delayMs, rest.maxDelayMs),
  };
}

/** How long to wait after so many attempts, in milliseconds; `undefined` where no other follows. */
export function delayAfter(
  attempts: number,
  retry: XeniooRetrySettings | false,
  random: () => number = Math.random,
): number | undefined {
  if (!retry || attempts >= retry.attempts) return undefined;
  const { backoff, delayMs, maxDelayMs } = retry;
  const delay =
    backoff === 'fixed' ? delayMs : delayMs * 2 ** Math.min(attempts - 1, 40);
  return Math.min(Math.round(delay * (1 + random() * JITTER)), maxDelayMs);
}
