import { Option } from 'commander';
import { botProblems } from '../options/bot-problems.js';
import { parseCount, parseDuration, parseRate } from './option.parsers.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

/** Options of several commands. */
export const COMMON_OPTIONS = {
  url: new Option('--url <url>', 'URL of the webhook (default: XENIOO_URL)'),
  secret: new Option(
    '--secret <secret>',
    'API Secret of the bot (default: XENIOO_SECRET, which keeps it out of the process list)',
  ),
  timeout: new Option(
    '--timeout <duration>',
    'time-out for an answer, such as 2s; a bare number is milliseconds',
  )
    .argParser(parseDuration)
    .default(10_000, '10s'),
  rate: new Option(
    '--rate <rate>',
    'calls per second, or max for as fast as possible',
  )
    .argParser(parseRate)
    .default(100),
  concurrency: (defaultCount: number) =>
    new Option('--concurrency <count>', 'maximum number of pending calls')
      .argParser(parseCount(1, 10_000))
      .default(defaultCount),
  failures: new Option(
    '--failures <mode>',
    'failed calls that count towards the limit of 10: all, those in a row, or none (Xenioo does not document it)',
  )
    .choices(['total', 'consecutive', 'ignore'])
    .default('total'),
  json: new Option('--json', 'print one JSON document to stdout'),
};

/** Webhook to call, and the secret to call it with. */
export interface Endpoint {
  readonly url: string;
  readonly secret: string;
}

/** Values of `--url` and `--secret`. */
export interface EndpointOptions {
  readonly url?: string | undefined;
  readonly secret?: string;
}

/**
 * Returns the endpoint, from the options or the environment.
 * @throws {UsageError} if the URL or the secret is missing or invalid
 */
export function resolveEndpoint(
  options: EndpointOptions,
  terminal: Terminal,
): Endpoint {
  return {
    url: validUrl(options.url ?? terminal.env.XENIOO_URL),
    secret: resolveSecret(options, terminal),
  };
}

/**
 * Returns the secret, from the options or the environment.
 * @throws {UsageError} if it is missing or invalid
 */
export function resolveSecret(
  options: EndpointOptions,
  { env }: Terminal,
): string {
  const secret = options.secret ?? env.XENIOO_SECRET;
  if (!secret) {
    throw new UsageError(
      'No secret. Fix: set XENIOO_SECRET to the API Secret of the bot, or give --secret.',
    );
  }
  const [problem] = /[\u0100-\uffff]/.test(secret)
    ? ['it contains a character that is invalid in a header']
    : botProblems({ name: 'default', secret });
  if (problem === undefined) return secret;
  throw new UsageError(`Invalid secret: ${problem}.`);
}

function validUrl(given: string | undefined): string {
  if (!given) {
    throw new UsageError(
      'No URL. Fix: give one, such as http://localhost:3000/xenioo/webhook, or set XENIOO_URL.',
    );
  }
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UsageError(
      'Invalid URL: expected one such as http://localhost:3000/xenioo/webhook, with http:// or https://.',
    );
  }
  if (url.username || url.password) {
    throw new UsageError(
      'The URL contains a user or a password. Fix: remove them; Xenioo sends the API Secret as Authorization instead.',
    );
  }
  return url.href;
}
