import { InvalidArgumentError } from 'commander';
import { LONGEST_TIMER_MS } from '../options/range-problems.js';

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** A duration such as `500ms`, `30s`, `1.5m` or `2h` in milliseconds; a bare number is milliseconds. */
export function parseDuration(text: string): number {
  const [, amount, unit = 'ms'] =
    /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const durationMs = Math.round(Number(amount) * UNITS_MS[unit]!);
  if (!(durationMs >= 1 && durationMs <= LONGEST_TIMER_MS)) {
    throw new InvalidArgumentError(
      'Expected a duration such as 500ms, 30s or 2m, of 24 days at most.',
    );
  }
  return durationMs;
}

/** A share such as `2%` or `0.02`, from 0 to 1. */
export function parseShare(text: string): number {
  const [, amount, percent] = /^(\d+(?:\.\d+)?|\.\d+)(%)?$/.exec(text) ?? [];
  const share = Number(amount) / (percent ? 100 : 1);
  if (!(share >= 0 && share <= 1)) {
    throw new InvalidArgumentError(
      'Expected a share such as 2% or 0.02, of 100% at most.',
    );
  }
  return share;
}

/** A whole number in plain digits, from `least` to `most`. */
export function parseCount(
  least: number,
  most: number,
): (text: string) => number {
  return text => {
    const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(count >= least && count <= most)) {
      throw new InvalidArgumentError(
        `Expected a whole number from ${least} to ${most}.`,
      );
    }
    return count;
  };
}

/** Calls a second; `max` is as fast as the endpoint answers, which is infinite here. */
export function parseRate(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const rate = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(rate >= 0.001 && rate <= 100_000)) {
    throw new InvalidArgumentError(
      'Expected calls a second, such as 100 or 0.5, or max.',
    );
  }
  return rate;
}

/** How many times as fast, such as `10` or `0.5`. */
export function parseSpeed(text: string): number {
  const speed = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(speed >= 0.001 && speed <= 1_000_000)) {
    throw new InvalidArgumentError(
      'Expected how many times as fast, such as 1, 10 or 0.5.',
    );
  }
  return speed;
}
