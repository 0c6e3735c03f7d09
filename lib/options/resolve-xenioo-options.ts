import { isObject } from '../is-object.js';
import { misplacedProblems } from './assert-definition.js';
import { kindOf, quote } from './describe-value.js';
import { LONGEST_TIMER_MS, rangeProblems } from './range-problems.js';
import { unknownNameProblems } from './unknown-name-problems.js';
import { withoutUndefined } from './without-undefined.js';
import { botProblems } from './bot-problems.js';
import { dedupeProblems, resolveDedupe } from './xenioo-dedupe.js';
import { resolveRetry, retryProblems } from './xenioo-retry.js';
import { XeniooOptionsError } from '../xenioo.errors.js';
import {
  BotSettings,
  DEFINITION_OPTIONS,
  type XeniooOptions,
  type XeniooSettings,
} from './xenioo.options.js';

/** Defaults of the options, except those of `retry` and `dedupe`. */
const DEFAULTS = {
  name: 'default',
  botsRefreshSeconds: 60,
  invalid: 'quarantine',
  bodyLimit: '10mb',
  bodyTimeoutMs: 10_000,
  handlerTimeoutMs: 30_000,
  concurrency: 32,
  acceptTimeoutMs: 5_000,
  shutdownTimeoutMs: 10_000,
} as const satisfies XeniooOptions;

const OPTION_NAMES = [
  'secret',
  'bots',
  'retry',
  'dedupe',
  'expectCallsWithinMinutes',
  ...Object.keys(DEFAULTS),
];

/** Upper bound of `bodyLimit` in bytes: a body becomes one string, and a string of V8 holds at most 512 MB. */
const MAX_BODY_BYTES = 500 * 2 ** 20;

const MAX_MINUTES = Math.floor(LONGEST_TIMER_MS / 60_000);

const RANGES = {
  botsRefreshSeconds: [1, 86_400],
  bodyTimeoutMs: [1, LONGEST_TIMER_MS],
  handlerTimeoutMs: [1, LONGEST_TIMER_MS],
  concurrency: [1, Number.MAX_SAFE_INTEGER],
  acceptTimeoutMs: [0, LONGEST_TIMER_MS],
  shutdownTimeoutMs: [0, LONGEST_TIMER_MS],
} as const;

const BYTES_OF_UNIT = { b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 } as const;

type CompleteOptions = XeniooOptions & {
  [name in keyof typeof DEFAULTS]: NonNullable<XeniooOptions[name]>;
};

/**
 * Checks the options and fills in the defaults.
 * @throws {XeniooOptionsError} lists every problem, and contains no secret
 */
export function resolveXeniooOptions(given: XeniooOptions): XeniooSettings {
  if (!isObject(given)) {
    throw new XeniooOptionsError([
      `expected an object of options, got ${kindOf(given)}`,
    ]);
  }
  const set = withoutUndefined(given);
  const options: CompleteOptions = { ...DEFAULTS, ...set };
  const problems = [
    ...misplacedProblems(set, DEFINITION_OPTIONS),
    ...unknownNameProblems(set, OPTION_NAMES, DEFINITION_OPTIONS),
    ...botProblems(options),
    ...settingProblems(options),
  ];
  if (problems.length > 0) throw new XeniooOptionsError(problems);

  return {
    bots: botSettings(options),
    botsRefreshSeconds: options.botsRefreshSeconds,
    invalid: options.invalid,
    bodyLimitBytes: parseBytes(options.bodyLimit),
    bodyTimeoutMs: options.bodyTimeoutMs,
    retry: resolveRetry(options.retry),
    dedupe: resolveDedupe(options.dedupe),
    handlerTimeoutMs: options.handlerTimeoutMs,
    concurrency: options.concurrency,
    acceptTimeoutMs: options.acceptTimeoutMs,
    expectCallsWithinMinutes: options.expectCallsWithinMinutes,
    shutdownTimeoutMs: options.shutdownTimeoutMs,
  };
}

function isInRange(value: unknown, most: number): boolean {
  return typeof value === 'number' && value > 0 && value <= most;
}

function settingProblems(options: CompleteOptions): string[] {
  const problems: string[] = [];
  if (options.invalid !== 'quarantine' && options.invalid !== 'reject') {
    problems.push(
      `expected \`invalid\` to be 'quarantine' or 'reject', got ${quote(options.invalid)}`,
    );
  }
  const bytes = parseBytes(options.bodyLimit);
  if (!(bytes >= 1 && bytes <= MAX_BODY_BYTES)) {
    problems.push(
      `expected \`bodyLimit\` to be a number of bytes or a string such as '10mb', at most '500mb', got ${quote(options.bodyLimit)}`,
    );
  }
  const { expectCallsWithinMinutes: minutes } = options;
  if (minutes !== undefined && !isInRange(minutes, MAX_MINUTES)) {
    problems.push(
      `expected \`expectCallsWithinMinutes\` to be a number above 0 and at most ${MAX_MINUTES}, got ${quote(minutes)}`,
    );
  }
  return [
    ...problems,
    ...rangeProblems(options, RANGES),
    ...retryProblems(options.retry),
    ...dedupeProblems(options.dedupe),
  ];
}

/** Parses a number of bytes, or a string such as `'10mb'`; returns `NaN` for anything else. */
function parseBytes(limit: unknown): number {
  if (Number.isSafeInteger(limit)) return limit as number;
  if (typeof limit !== 'string') return NaN;
  const match = /^(\d+(?:\.\d+)?) ?(b|kb|mb|gb)$/i.exec(limit);
  if (!match) return NaN;
  const unit = match[2]!.toLowerCase() as keyof typeof BYTES_OF_UNIT;
  return Math.floor(Number(match[1]) * BYTES_OF_UNIT[unit]);
}

function botSettings(options: CompleteOptions): XeniooSettings['bots'] {
  if (typeof options.bots === 'function') return options.bots;
  return options.bots === undefined
    ? [new BotSettings({ name: options.name, secret: options.secret! })]
    : options.bots.map(bot => new BotSettings(bot));
}
