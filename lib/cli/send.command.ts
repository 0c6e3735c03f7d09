import type { IncomingHttpHeaders } from 'node:http';
import { Argument, Command, Option } from 'commander';
import type { XeniooAnswer } from '../simulator/post.js';
import { XeniooSender } from '../simulator/xenioo.sender.js';
import {
  COMMON_OPTIONS,
  resolveEndpoint,
  type Endpoint,
  type EndpointOptions,
} from './common.options.js';
import { createEntry } from './create-entry.js';
import { formatMs } from './format.js';
import { MASK, maskSecretWithin } from './mask-secret.js';
import {
  parseEntry,
  parseEventType,
  parseField,
  TYPE_NAMES,
  type Field,
} from './option.parsers.js';
import { describeOutcome, fixFor } from './outcomes.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

interface SendOptions extends EndpointOptions {
  readonly data?: string;
  readonly field: readonly Field[];
  readonly entry?: unknown;
  readonly timeout: number;
  readonly json?: true;
}

const HELP = `
Types:
${TYPE_NAMES.map((name, number) => `  ${String(number).padStart(2)}  ${name}`).join('\n')}
  any other number is an unknown type

Examples:
  $ npx nestjs-xenioo send user-message --url http://localhost:3000/xenioo/webhook
  $ npx nestjs-xenioo send 1 --data 'Hello there!' --field UserName=Ada --field city=Rome
  $ npx nestjs-xenioo send user-message --field 'Data:=null' --field 'age:=42'
  $ npx nestjs-xenioo send --entry '[{"Type":8},{"Type":99,"Data":"one day"}]'

Exits with 0 if the call was answered 200 in time, and with 1 otherwise.`;

/** Creates `send`, which sends one event and prints request and answer. */
export function createSendCommand(terminal: Terminal): Command {
  return new Command('send')
    .summary('send one event and print request and answer')
    .description(
      'Sends one event as Xenioo does and prints request and answer.',
    )
    .addArgument(
      new Argument('[type]', 'name or number of the event type').argParser(
        parseEventType,
      ),
    )
    .option('--data <text>', 'text of the message (Data; Text for type 7)')
    .addOption(
      new Option(
        '--field <field>',
        'set a field or variable: Name=text, or Name:=JSON; repeatable',
      )
        .argParser(parseField)
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--entry <json>',
        'send this entry or array of entries as it is, instead of a type',
      ).argParser(parseEntry),
    )
    .addOption(COMMON_OPTIONS.url)
    .addOption(COMMON_OPTIONS.secret)
    .addOption(COMMON_OPTIONS.timeout)
    .addOption(COMMON_OPTIONS.json)
    .addHelpText('after', HELP)
    .action((type: number | undefined, options: SendOptions) =>
      send(type, options, terminal),
    );
}

async function send(
  type: number | undefined,
  options: SendOptions,
  terminal: Terminal,
): Promise<void> {
  const body = bodyOf(type, options);
  const endpoint = resolveEndpoint(options, terminal);
  const { signal } = terminal;
  const sender = new XeniooSender({ ...endpoint, timeoutMs: options.timeout });
  try {
    // Serialized here, since the sender treats a string as a body, not as a JSON value.
    const answer = await sender.call(JSON.stringify(body), { signal });
    const report = sendReport(body, answer, endpoint);
    terminal.out(
      options.json ? JSON.stringify(report, null, 2) : formatReport(report),
    );
    if (!report.isSuccessful) terminal.exitCode = 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    terminal.err('Interrupted before the call was answered.');
    terminal.exitCode = 1;
  } finally {
    sender.close();
  }
}

function bodyOf(
  type: number | undefined,
  { data, field, entry }: SendOptions,
): unknown {
  if (entry === undefined) {
    if (type !== undefined) return createEntry(type, { data, fields: field });
    throw new UsageError(
      `Nothing to send. Fix: give a type (${TYPE_NAMES.join(', ')}, or a number), or --entry.`,
    );
  }
  if (type === undefined && data === undefined && field.length === 0) {
    return entry;
  }
  throw new UsageError(
    '--entry is sent as it is. Fix: remove the type, --data and --field, or remove --entry.',
  );
}

function sendReport(
  body: unknown,
  { failure, ...answer }: XeniooAnswer,
  { url, secret }: Endpoint,
) {
  const request = {
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(JSON.stringify(body))),
      authorization: `Bearer ${MASK}`,
    },
    body: maskSecretWithin(body, secret),
  };
  return {
    request,
    answer: maskSecretWithin(answer, secret),
    isSuccessful: failure === undefined,
    ...(failure !== undefined && { failure, fix: fixFor(answer.outcome) }),
  };
}

type SendReport = ReturnType<typeof sendReport>;

function formatReport({ request, answer, failure, fix }: SendReport): string {
  return [
    `POST ${request.url}`,
    ...Object.entries(request.headers).map(formatHeader),
    '',
    JSON.stringify(request.body, null, 2),
    '',
    `${describeOutcome(answer.outcome)}, ${formatMs(answer.latencyMs)}`,
    ...formatHeaders(answer.headers),
    '',
    ...(answer.status === undefined ? [] : [formatBody(answer.body), '']),
    failure === undefined
      ? 'As Xenioo expects: answered 200 in time.'
      : `Xenioo counts this as a failed call: it ${failure}.\nFix: ${fix}`,
  ].join('\n');
}

const SHOWN_HEADERS = [
  'content-type',
  'content-length',
  'location',
  'www-authenticate',
  'retry-after',
  'allow',
  'server',
  'connection',
];

function formatHeaders(headers: IncomingHttpHeaders): string[] {
  return Object.entries(headers)
    .filter(([name]) => SHOWN_HEADERS.includes(name))
    .map(formatHeader);
}

function formatHeader([name, value]: [string, unknown]): string {
  return `${name}: ${printable(String(value))}`;
}

const MAX_BODY_CHARACTERS = 2_000;

function formatBody(body: string): string {
  if (body === '') return '(empty body)';
  const text = printable(body);
  return text.length <= MAX_BODY_CHARACTERS
    ? text
    : `${text.slice(0, MAX_BODY_CHARACTERS)}\n(cut off; --json prints all of it)`;
}

/** Replaces control characters, which a terminal would interpret. */
function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, '�');
}
