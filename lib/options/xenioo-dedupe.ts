import { kindOf } from './describe-value.js';
import { rangeProblems } from './range-problems.js';
import { unknownNameProblems } from './unknown-name-problems.js';
import { withoutUndefined } from './without-undefined.js';

/** Options of the deduplication of events. */
export interface XeniooDedupeOptions {
  /**
   * Time in seconds for which the id of an accepted event is stored.
   * @default 86_400
   */
  ttlSeconds?: number | undefined;

  /**
   * Upper bound of the number of stored ids; above it, the oldest are removed.
   * @default 100_000
   */
  maxIds?: number | undefined;
}

/** Option `dedupe` with its defaults applied. */
export interface XeniooDedupeSettings {
  readonly ttlSeconds: number;
  readonly maxIds: number;
}

const DEFAULTS: XeniooDedupeSettings = { ttlSeconds: 86_400, maxIds: 100_000 };

const RANGES = {
  ttlSeconds: [1, 10 * 365 * 86_400],
  maxIds: [1, 10_000_000],
} as const;

/** Returns a message for each problem of an option `dedupe`. */
export function dedupeProblems(dedupe: unknown): string[] {
  if (dedupe === undefined || dedupe === false) return [];
  if (typeof dedupe !== 'object' || dedupe === null || Array.isArray(dedupe)) {
    return [
      `expected \`dedupe\` to be an object of options or false, got ${kindOf(dedupe)}`,
    ];
  }
  const given = { ...DEFAULTS, ...withoutUndefined(dedupe) };
  return [
    ...unknownNameProblems(given, Object.keys(DEFAULTS)),
    ...rangeProblems(given, RANGES, 'dedupe.'),
  ];
}

/** Adds the defaults to an option `dedupe`. */
export function resolveDedupe(
  dedupe: XeniooDedupeOptions | false | undefined,
): XeniooDedupeSettings | false {
  return dedupe !== false && { ...DEFAULTS, ...withoutUndefined(dedupe ?? {}) };
}
