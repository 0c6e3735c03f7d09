import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LONGEST_TIMER_MS } from '../../../lib/options/range-problems.js';
import {
  delayBeforeNextMs,
  resolveRetry,
  retryProblems,
  type XeniooRetryOptions,
  type XeniooRetrySettings,
} from '../../../lib/options/xenioo-retry.js';

const DEFAULTS: XeniooRetrySettings = {
  attempts: 10,
  backoff: 'exponential',
  delayMs: 1_000,
  maxDelayMs: 300_000,
};

describe('retryProblems()', () => {
  it.each([
    [true, 'a boolean'],
    [null, 'null'],
    ['fixed', 'a string'],
    [10, 'a number'],
    [[10], 'a list'],
    [() => 10, 'a function'],
  ])('rejects %o, which is not an object', (given, kind) => {
    expect(retryProblems(given)).toEqual([
      `expected \`retry\` to be an object of options or false, got ${kind}`,
    ]);
  });

  it.each([
    [
      { attempts: 0 },
      'expected `retry.attempts` to be a whole number from 1 to 1000, got 0',
    ],
    [
      { attempts: 1_001 },
      'expected `retry.attempts` to be a whole number from 1 to 1000, got 1001',
    ],
    [
      { attempts: Infinity },
      'expected `retry.attempts` to be a whole number from 1 to 1000, got Infinity',
    ],
    [
      { delayMs: -1 },
      `expected \`retry.delayMs\` to be a whole number from 0 to ${LONGEST_TIMER_MS}, got -1`,
    ],
    [
      { delayMs: '5s' },
      `expected \`retry.delayMs\` to be a whole number from 0 to ${LONGEST_TIMER_MS}, got "5s"`,
    ],
    [
      { maxDelayMs: LONGEST_TIMER_MS + 1 },
      `expected \`retry.maxDelayMs\` to be a whole number from 0 to ${LONGEST_TIMER_MS}, got ${LONGEST_TIMER_MS + 1}`,
    ],
    [
      { backoff: 'linear' },
      "expected `retry.backoff` to be 'exponential' or 'fixed', got \"linear\"",
    ],
    [
      { backoff: null },
      "expected `retry.backoff` to be 'exponential' or 'fixed', got null",
    ],
    [
      { delayMs: 2_000, maxDelayMs: 1_999 },
      'expected `retry.maxDelayMs` to be `retry.delayMs` (2000) or more, got 1999',
    ],
    [
      { retries: 5 },
      '`retries` is not an option here; the options are attempts, backoff, delayMs, maxDelayMs',
    ],
  ])('rejects %o', (given, problem) => {
    expect(retryProblems(given)).toEqual([problem]);
  });

  it('reports all problems at once', () => {
    const given = { attempts: 0, delayMs: -1, backoff: 1, retries: 1 };

    expect(retryProblems(given)).toHaveLength(4);
  });
});

describe('retryProblems() of valid options', () => {
  it.each<XeniooRetryOptions | false | undefined>([
    undefined,
    false,
    {},
    { attempts: undefined, maxDelayMs: undefined },
    { attempts: 1 },
    { delayMs: 0, maxDelayMs: 0 },
    { delayMs: 400_000 },
    { maxDelayMs: 500 },
    { backoff: 'fixed', delayMs: LONGEST_TIMER_MS },
  ])('reports no problem for %o', given => {
    expect(retryProblems(given)).toEqual([]);
  });
});

describe('resolveRetry()', () => {
  it('fills in every default', () => {
    expect(resolveRetry(undefined)).toEqual(DEFAULTS);
    expect(resolveRetry({})).toEqual(DEFAULTS);
    expect(resolveRetry({ attempts: 3, delayMs: undefined })).toEqual({
      ...DEFAULTS,
      attempts: 3,
    });
  });

  const others = { ...DEFAULTS, attempts: 2, backoff: 'fixed' } as const;

  it('inherits the module options when a handler sets none', () => {
    expect(resolveRetry(undefined, others)).toEqual(others);
    expect(resolveRetry({ delayMs: 5 }, others)).toEqual({
      ...others,
      delayMs: 5,
    });
  });

  it('uses the defaults for a handler when the module disables retries', () => {
    expect(resolveRetry(undefined, false)).toBe(false);
    expect(resolveRetry({ attempts: 3 }, false)).toEqual({
      ...DEFAULTS,
      attempts: 3,
    });
  });

  it('raises the default maxDelayMs to delayMs', () => {
    expect(resolveRetry({ delayMs: 400_000 })).toMatchObject({
      delayMs: 400_000,
      maxDelayMs: 400_000,
    });
  });
});

it('resolveRetry() keeps false, whatever the module options are', () => {
  expect(resolveRetry(false)).toBe(false);
  expect(resolveRetry(false, DEFAULTS)).toBe(false);
});

describe('delayBeforeNextMs()', () => {
  const least = () => 0;
  const most = () => 0.999_999;
  const delays = (retry: XeniooRetrySettings, random: () => number) =>
    Array.from({ length: retry.attempts }, (_, done) =>
      delayBeforeNextMs(done + 1, retry, random),
    );
  const retry = { ...DEFAULTS, attempts: 5, delayMs: 100 };

  it('doubles the delay with each attempt and returns none after the last', () => {
    expect(delays(retry, least)).toEqual([100, 200, 400, 800, undefined]);
  });

  it('keeps a fixed delay', () => {
    expect(delays({ ...retry, backoff: 'fixed' }, least)).toEqual([
      100,
      100,
      100,
      100,
      undefined,
    ]);
  });

  it('adds a jitter of up to half the delay', () => {
    expect(delays(retry, most)).toEqual([150, 300, 600, 1_200, undefined]);
    expect(delayBeforeNextMs(1, retry, () => 0.5)).toBe(125);
  });

  it('never exceeds maxDelayMs, even with jitter', () => {
    const capped = { ...retry, maxDelayMs: 250 };

    expect(delays(capped, least)).toEqual([100, 200, 250, 250, undefined]);
    expect(delays(capped, most)).toEqual([150, 250, 250, 250, undefined]);
  });

  it('returns no delay for a single attempt', () => {
    expect(delayBeforeNextMs(1, false)).toBeUndefined();
    expect(delayBeforeNextMs(1, { ...retry, attempts: 1 })).toBeUndefined();
  });

  it('varies from one failure to the next', () => {
    const seen = new Set(
      Array.from({ length: 100 }, () => delayBeforeNextMs(1, DEFAULTS)),
    );

    expect(seen.size).toBeGreaterThan(50);
  });

  it('returns a delay that a timer supports for any valid options', () => {
    const options = fc.record(
      {
        attempts: fc.integer({ min: 1, max: 1_000 }),
        backoff: fc.constantFrom('exponential' as const, 'fixed' as const),
        delayMs: fc.integer({ min: 0, max: LONGEST_TIMER_MS }),
        maxDelayMs: fc.integer({ min: 0, max: LONGEST_TIMER_MS }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        options.filter(given => retryProblems(given).length === 0),
        fc.integer({ min: 1, max: 1_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (given, done, chance) => {
          const settings = resolveRetry(given) as XeniooRetrySettings;

          const delay = delayBeforeNextMs(done, settings, () => chance);

          expect(delay === undefined).toBe(done >= settings.attempts);
          if (delay === undefined) return;
          expect(delay).toSatisfy(Number.isSafeInteger);
          const { delayMs, maxDelayMs } = settings;
          expect(delay).toBeGreaterThanOrEqual(Math.min(delayMs, maxDelayMs));
          expect(delay).toBeLessThanOrEqual(settings.maxDelayMs);
          expect(delay).toBeLessThanOrEqual(LONGEST_TIMER_MS);
        },
      ),
    );
  });
});
