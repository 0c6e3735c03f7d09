import { kindOf, quote } from './describe-value.js';
import { LONGEST_TIMER_MS, rangeProblems } from './range-problems.js';
import { unknownNameProblems } from './unknown-name-problems.js';
import { withoutUndefined } from './without-undefined.js';

/** Options of the retries of a failed handler. */
export interface XeniooRetryOptions {
  /**
   * Number of attempts, including the first one.
   * @default 10
   */
  attempts?: number | undefined;

  /**
   * `'exponential'` doubles the delay after each attempt, `'fixed'` keeps it.
   * @default 'exponential'
   */
  backoff?: 'exponential' | 'fixed' | undefined;

  /**
   * Delay before the second attempt, in milliseconds. Each delay is lengthened by
   * a random amount of up to a half, so that handlers that failed together are not
   * retried together.
   * @default 1_000
   */
  delayMs?: number | undefined;

  /**
   * Upper bound of a delay, in milliseconds.
   * @default 300_000, or `delayMs` if that is longer
   */
  maxDelayMs?: number | undefined;
}

/** Option `retry` with the defaults applied. */
export interface XeniooRetrySettings {
  readonly attempts: number;
  readonly backoff: 'exponential' | 'fixed';
  readonly delayMs: number;
  readonly maxDelayMs: number;
}

/** Upper bound of the random part of a delay, as a fraction of it. */
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

/** Returns a message for each problem of an option `retry`. */
export function retryProblems(retry: unknown): string[] {
  if (retry === undefined || retry === false) return [];
  if (typeof retry !== 'object' || retry === null || Array.isArray(retry)) {
    return [
      `expected \`retry\` to be an object of options or false, got ${kindOf(retry)}`,
    ];
  }
  const given = { ...DEFAULTS, ...withoutUndefined(retry) };
  const problems = [
    ...unknownNameProblems(given, Object.keys(DEFAULTS)),
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

/** Adds the missing fields of an option `retry`: those of `fallback`, or the defaults. */
export function resolveRetry(
  given: XeniooRetryOptions | false | undefined,
  fallback: XeniooRetrySettings | false = DEFAULTS,
): XeniooRetrySettings | false {
  if (given === undefined) return fallback;
  if (given === false) return false;
  const rest = fallback || DEFAULTS;
  const delayMs = given.delayMs ?? rest.delayMs;
  return {
    attempts: given.attempts ?? rest.attempts,
    backoff: given.backoff ?? rest.backoff,
    delayMs,
    maxDelayMs: given.maxDelayMs ?? Math.max(delayMs, rest.maxDelayMs),
  };
}

/** Returns the delay in milliseconds before the next attempt; `undefined` if there is none. */
export function delayBeforeNextMs(
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
