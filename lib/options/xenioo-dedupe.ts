import { kindOf } from './describe-value.js';
import { rangeProblems } from './range-problems.js';
import { unknownNames } from './unknown-names.js';
import { withoutUndefined } from './without-undefined.js';

/** How long events are remembered that must not be taken twice. */
export interface XeniooDedupeOptions {
  /**
   * How long an id is remembered, in seconds.
   * @default 86_400
   */
  ttlSeconds?: number | undefined;

  /**
   * How many ids are remembered; past that, the oldest are forgotten.
   * @default 100_000
   */
  maxIds?: number | undefined;
}

/** Dedupe options with every default in place. */
export interface XeniooDedupeSettings {
  readonly ttlSeconds: number;
  readonly maxIds: number;
}

const DEFAULTS: XeniooDedupeSettings = { ttlSeconds: 86_400, maxIds: 100_000 };

const RANGES = {
  ttlSeconds: [1, 10 * 365 * 86_400],
  maxIds: [1, 10_000_000],
} as const;

/** A sentence for each thing in an option `dedupe` that can't be. */
export function dedupeProblems(dedupe: unknown): string[] {
  if (dedupe === undefined || dedupe === false) return [];
  if (typeof dedupe !== 'object' || dedupe === null || Array.isArray(dedupe)) {
    return [
      `expected \`dedupe\` to be an object of options or false, got ${kindOf(dedupe)}`,
    ];
  }
  const given = { ...DEFAULTS, ...withoutUndefined(dedupe) };
  return [
    ...unknownNames(given, Object.keys(DEFAULTS)),
    ...rangeProblems(given, RANGES, 'dedupe.'),
  ];
}

/** Fills in the defaults. */
export function resolveDedupe(
  dedupe: XeniooDedupeOptions | false | undefined,
): XeniooDedupeSettings | false {
  return dedupe !== false && { ...DEFAULTS, ...withoutUndefined(dedupe ?? {}) };
}
