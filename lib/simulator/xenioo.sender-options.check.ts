import { kindOf, quote } from '../options/describe-value.js';
import {
  LONGEST_TIMER_MS,
  rangeProblems,
  type Ranges,
} from '../options/range-problems.js';
import { XeniooTestingError } from './xenioo-testing.errors.js';
import type {
  XeniooCallOptions,
  XeniooSenderOptions,
  XeniooSendOptions,
} from './xenioo.sender-options.js';

const FITS_HEADER = /^[\t\x20-\x7e\x80-\xff]*$/;

const READINGS = ['total', 'consecutive', 'ignore'];

/**
 * Checks the options of a sender.
 * @throws {XeniooTestingError} with every problem found
 */
export function assertSenderOptions(options: XeniooSenderOptions): void {
  const { url, secret, failures } = options;
  const problems = [
    ...(isHttpUrl(url)
      ? []
      : [
          'expected `url` to be the whole URL of the webhook, such as https://example.com/xenioo/webhook',
        ]),
    ...(typeof secret === 'string' && secret !== ''
      ? []
      : [`expected \`secret\` to be the API Secret, got ${kindOf(secret)}`]),
    ...(typeof secret !== 'string' || FITS_HEADER.test(secret)
      ? []
      : ['expected `secret` without characters that are invalid in a header']),
    ...(failures === undefined || READINGS.includes(failures)
      ? []
      : [
          `expected \`failures\` to be one of ${READINGS.join(', ')}, got ${quote(failures)}`,
        ]),
    ...givenOutOfRange(options, { timeoutMs: [1, LONGEST_TIMER_MS] }),
  ];
  refuse('XeniooSender', problems);
}

/**
 * Checks the options of `send()`.
 * @throws {XeniooTestingError} with every problem found
 */
export function assertSendOptions(options: XeniooSendOptions): void {
  const { repeated = 0, intervalMs = 0 } = options;
  const problems = [
    ...givenOutOfRange(options, {
      grouped: [1, 10_000_000],
      concurrency: [1, 10_000],
    }),
    ...(isFrom(0, 1, repeated)
      ? []
      : [
          `expected \`repeated\` to be a share from 0 to 1, got ${quote(repeated)}`,
        ]),
    ...(isFrom(0, LONGEST_TIMER_MS, intervalMs)
      ? []
      : [
          `expected \`intervalMs\` to be from 0 to ${LONGEST_TIMER_MS}, got ${quote(intervalMs)}`,
        ]),
  ];
  refuse('XeniooSender.send()', problems);
}

/**
 * Checks the options of `call()`.
 * @throws {XeniooTestingError} with every problem found
 */
export function assertCallOptions({ timeoutMs }: XeniooCallOptions): void {
  if (timeoutMs === undefined) return;
  const ranges: Ranges = { timeoutMs: [1, LONGEST_TIMER_MS] };
  refuse('XeniooSender.call()', rangeProblems({ timeoutMs }, ranges));
}

function isFrom(least: number, most: number, value: unknown): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}

function isHttpUrl(url: string | URL): boolean {
  return URL.canParse(String(url)) && /^https?:$/.test(new URL(url).protocol);
}

function givenOutOfRange(options: object, ranges: Ranges): string[] {
  const given = Object.entries(ranges).filter(
    ([name]) => (options as Record<string, unknown>)[name] !== undefined,
  );
  return rangeProblems(options, Object.fromEntries(given));
}

function refuse(what: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new XeniooTestingError(`${what}: ${problems.join('; ')}.`);
}
