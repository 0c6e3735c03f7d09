import { kindOf } from '../options/describe-value.js';
import { LONGEST_TIMER_MS, rangeProblems } from '../options/range-problems.js';
import { unknownNameProblems } from '../options/unknown-name-problems.js';
import { withoutUndefined } from '../options/without-undefined.js';
import {
  XENIOO_SETTINGS,
  type XeniooSettings,
} from '../options/xenioo.options.js';
import type { XeniooInboxProvider } from '../inbox/xenioo.inbox-provider.js';
import { XeniooOptionsError } from '../xenioo.errors.js';
import { MemoryInbox, type MemoryInboxSettings } from './memory.inbox.js';

/** Options of `memoryInbox()`. */
export interface MemoryInboxOptions {
  /**
   * Upper bound of the number of pending events. A call is accepted as a whole while
   * fewer events are pending. Otherwise it waits for up to `acceptTimeoutMs`, and is
   * then answered 503.
   * @default 100_000
   */
  maxPending?: number | undefined;

  /**
   * Upper bound in milliseconds of the time for which an answer waits for the first
   * attempts of the call's handlers, so that a crash loses fewer events; `0` answers
   * at once.
   * @default 1_500
   */
  acknowledgeWithinMs?: number | undefined;
}

const DEFAULTS: MemoryInboxSettings = {
  maxPending: 100_000,
  acknowledgeWithinMs: 1_500,
};

const RANGES = {
  maxPending: [1, Number.MAX_SAFE_INTEGER],
  acknowledgeWithinMs: [0, LONGEST_TIMER_MS],
} as const;

/**
 * Creates the default `inbox` of `XeniooModule`. Holds events in the memory of the
 * process: pending events are lost when the process crashes.
 *
 * @example
 * ```ts
 * XeniooModule.forRoot({ secret, inbox: memoryInbox({ maxPending: 10_000 }) })
 * ```
 *
 * @throws {XeniooOptionsError} if an option is invalid
 */
export function memoryInbox(
  options: MemoryInboxOptions = {},
): XeniooInboxProvider {
  const settings = resolveMemoryInboxOptions(options);
  return {
    inject: [XENIOO_SETTINGS],
    useFactory: (instance: XeniooSettings) =>
      new MemoryInbox(settings, instance),
  };
}

/**
 * Validates the options and applies the defaults.
 * @throws {XeniooOptionsError} with every problem found
 */
export function resolveMemoryInboxOptions(given: unknown): MemoryInboxSettings {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new XeniooOptionsError([
      `expected memoryInbox() to get an object of options, got ${kindOf(given)}`,
    ]);
  }
  const settings = { ...DEFAULTS, ...withoutUndefined(given) };
  const problems = [
    ...unknownNameProblems(settings, Object.keys(DEFAULTS)),
    ...rangeProblems(settings, RANGES),
  ];
  if (problems.length > 0) throw new XeniooOptionsError(problems);
  return settings;
}
