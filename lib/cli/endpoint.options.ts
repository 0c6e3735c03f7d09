import { Option, type Command } from 'commander';
import { botProblems } from '../options/xenioo-bot.check.js';
import { parseDuration } from './option.parsers.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

/** Where to send, and as whom. */
export interface Endpoint {
  readonly url: string;
  readonly secret: string;
}

/** What the options of an endpoint were given as; a URL may also be an argument. */
export interface EndpointOptions {
  readonly url?: string;
  readonly secret?: string;
}

/** Adds `--url`, for the commands that do not take the URL as an argument. */
export function addUrlOption(command: Command): Command {
  return command.option(
    '--url <url>',
    'URL of the webhook (default: XENIOO_URL)',
  );
}

/** Adds `--secret`. */
export function addSecretOption(command: Command): Command {
  return command.option(
    '--secret <secret>',
    'API Secret of the bot (default: XENIOO_SECRET, which a list of processes does not show)',
  );
}

/** Adds `--timeout`, in milliseconds. @default 10 000 */
export function addTimeoutOption(command: Command): Command {
  return command.addOption(
    new Option(
      '--timeout <duration>',
      'how long an answer may take, such as 2s; a bare number is milliseconds',
    )
      .argParser(parseDuration)
      .default(10_000, '10s'),
  );
}

/** Adds `--failures`. @default 'total' */
export function addFailuresOption(command: Command): Command {
  return command.addOption(
    new Option(
      '--failures <reading>',
      'which failed calls count towards the more than 10 that make Xenioo stop: all, those in a row, or none (it is not documented)',
    )
      .choices(['total', 'consecutive', 'ignore'])
      .default('total'),
  );
}

/** Adds `--json`. */
export function addJsonOption(command: Command): Command {
  return command.option(
    '--json',
    'one JSON document on stdout, and nothing else there',
  );
}

/**
 * Where to send, from the options or the environment.
 *
 * @throws {UsageError} if the URL or the secret is missing or can't be one
 */
export function resolveEndpoint(
  options: EndpointOptions,
  terminal: Terminal,
): Endpoint {
  return {
    url: checkedUrl(options.url ?? terminal.env.XENIOO_URL),
    secret: resolveSecret(options, terminal),
  };
}

/**
 * The secret alone, for who is called and does not call.
 *
 * @throws {UsageError} if it is missing or can't be one
 */
export function resolveSecret(
  { secret }: EndpointOptions,
  { env }: Terminal,
): string {
  return checkedSecret(secret ?? env.XENIOO_SECRET);
}

function checkedUrl(given: string | undefined): string {
  if (!given) {
    throw new UsageError(
      'No URL: give --url http://localhost:3000/xenioo/webhook, or set XENIOO_URL.',
    );
  }
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UsageError(
      'The URL can not be called: expected one such as http://localhost:3000/xenioo/webhook, with http:// or https:// before it.',
    );
  }
  if (url.username || url.password) {
    throw new UsageError(
      'The URL holds a user or a password: Xenioo sends the API Secret as Authorization instead. Take them out, and give --secret or set XENIOO_SECRET.',
    );
  }
  return url.href;
}

function checkedSecret(secret: string | undefined): string {
  if (!secret) {
    throw new UsageError(
      'No secret: give --secret, or set XENIOO_SECRET to the API Secret of the bot.',
    );
  }
  const [problem] = botProblems({ name: 'default', secret });
  if (problem !== undefined) {
    throw new UsageError(`The secret can not be right: ${problem}.`);
  }
  if (/[\u0100-\uffff]/.test(secret)) {
    throw new UsageError(
      'The secret can not be right: it has a character that no header can hold.',
    );
  }
  return secret;
}
