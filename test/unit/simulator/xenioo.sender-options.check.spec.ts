import { describe, expect, it } from 'vitest';
import { XeniooTestingError } from '../../../lib/simulator/xenioo-testing.errors.js';
import {
  assertSenderOptions,
  assertSendOptions,
} from '../../../lib/simulator/xenioo.sender-options.check.js';

const VALID = { url: 'http://localhost/x', secret: 'right-secret' };

function errorMessageOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof XeniooTestingError) return error.message;
    throw error;
  }
}

describe('assertSenderOptions()', () => {
  it.each([
    {},
    { url: new URL('https://example.com/xenioo/webhook') },
    { url: 'HTTPS://example.com' },
    { timeoutMs: 1 },
    { timeoutMs: 2 ** 31 - 1 },
    { failures: 'ignore' },
    { failures: undefined, timeoutMs: undefined, seed: undefined },
  ] as object[])('accepts %o', options => {
    expect(
      errorMessageOf(() => assertSenderOptions({ ...VALID, ...options })),
    ).toBe(undefined);
  });

  const URL_EXPECTED =
    'expected `url` to be the whole URL of the webhook, such as https://example.com/xenioo/webhook';

  it.each([
    [{ url: '' }, URL_EXPECTED],
    [{ url: undefined }, URL_EXPECTED],
    [{ url: null }, URL_EXPECTED],
    [{ url: '/xenioo/webhook' }, URL_EXPECTED],
    [{ url: 'example.com/xenioo/webhook' }, URL_EXPECTED],
    [{ url: 'localhost:3000' }, URL_EXPECTED],
    [{ url: 'ftp://example.com' }, URL_EXPECTED],
    [{ url: 'http://' }, URL_EXPECTED],
    [
      { secret: undefined },
      'expected `secret` to be the API Secret, got nothing',
    ],
    [
      { secret: '' },
      'expected `secret` to be the API Secret, got an empty string',
    ],
    [
      { secret: 'a\nb' },
      'expected `secret` without characters that are invalid in a header',
    ],
    [{ secret: ['a'] }, 'expected `secret` to be the API Secret, got a list'],
    [
      { failures: 'sometimes' },
      'expected `failures` to be one of total, consecutive, ignore, got "sometimes"',
    ],
    [
      { failures: null },
      'expected `failures` to be one of total, consecutive, ignore, got null',
    ],
    [
      { timeoutMs: 0 },
      'expected `timeoutMs` to be a whole number from 1 to 2147483647, got 0',
    ],
    [
      { timeoutMs: Infinity },
      'expected `timeoutMs` to be a whole number from 1 to 2147483647, got Infinity',
    ],
    [
      { timeoutMs: '5000' },
      'expected `timeoutMs` to be a whole number from 1 to 2147483647, got "5000"',
    ],
  ])('rejects %o', (options, problem) => {
    const given = { ...VALID, ...options } as typeof VALID;

    expect(errorMessageOf(() => assertSenderOptions(given))).toBe(
      `XeniooSender: ${problem}.`,
    );
  });

  it('reports all problems in one message without the secret', () => {
    const given = { url: 'x', secret: 'SeCrEt', failures: 'y' as 'total' };
    const message = errorMessageOf(() => assertSenderOptions(given));

    expect(message).toContain('`url`');
    expect(message).toContain('`failures`');
    expect(message).not.toContain('SeCrEt');
  });
});

describe('assertSendOptions()', () => {
  it.each([
    {},
    { grouped: 1, concurrency: 1, repeated: 0, intervalMs: 0 },
    { grouped: 10_000_000, concurrency: 10_000, repeated: 1 },
    { repeated: 0.02, intervalMs: 0.2 },
    { grouped: undefined, concurrency: undefined, repeated: undefined },
  ] as object[])('accepts %o', options => {
    expect(errorMessageOf(() => assertSendOptions(options))).toBe(undefined);
  });

  it.each([
    [
      { grouped: 0 },
      'expected `grouped` to be a whole number from 1 to 10000000, got 0',
    ],
    [
      { grouped: 1.5 },
      'expected `grouped` to be a whole number from 1 to 10000000, got 1.5',
    ],
    [
      { concurrency: 0 },
      'expected `concurrency` to be a whole number from 1 to 10000, got 0',
    ],
    [
      { concurrency: Infinity },
      'expected `concurrency` to be a whole number from 1 to 10000, got Infinity',
    ],
    [{ repeated: 2 }, 'expected `repeated` to be a share from 0 to 1, got 2'],
    [
      { repeated: NaN },
      'expected `repeated` to be a share from 0 to 1, got NaN',
    ],
    [
      { repeated: '2%' },
      'expected `repeated` to be a share from 0 to 1, got "2%"',
    ],
    [
      { repeated: '0.5' },
      'expected `repeated` to be a share from 0 to 1, got "0.5"',
    ],
    [
      { intervalMs: -1 },
      'expected `intervalMs` to be from 0 to 2147483647, got -1',
    ],
    [
      { intervalMs: Infinity },
      'expected `intervalMs` to be from 0 to 2147483647, got Infinity',
    ],
    [
      { intervalMs: '20' },
      'expected `intervalMs` to be from 0 to 2147483647, got "20"',
    ],
  ])('rejects %o', (options, problem) => {
    expect(errorMessageOf(() => assertSendOptions(options as object))).toBe(
      `XeniooSender.send(): ${problem}.`,
    );
  });
});
