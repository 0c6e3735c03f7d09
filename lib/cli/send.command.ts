import { Argument, Command, Option } from 'commander';
import type { XeniooAnswer } from '../simulator/post.js';
import { XeniooSender } from '../simulator/xenioo.sender.js';
import { createEntry } from './create-entry.js';
import {
  addJsonOption,
  addSecretOption,
  addTimeoutOption,
  addUrlOption,
  resolveEndpoint,
  type Endpoint,
  type EndpointOptions,
} from './endpoint.options.js';
import { parseEventType, TYPE_NAMES } from './event-type.parser.js';
import { parseEntry, parseField, type Field } from './field.parser.js';
import { inJson, inText, sendReport } from './send.report.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

interface SendOptions extends EndpointOptions {
  readonly data?: string;
  readonly field: readonly Field[];
  readonly entry?: unknown;
  readonly timeout: number;
  readonly json?: true;
}

/** `send`: one event; shows what went out, what came back, and what Xenioo would make of it. */
export function createSendCommand(terminal: Terminal): Command {
  const command = new Command('send')
    .summary('send one event, and show request and answer')
    .description(
      'Sends one event as Xenioo would, and shows request and answer.',
    )
    .addArgument(
      new Argument('[type]', 'the type by its name or number').argParser(
        parseEventType,
      ),
    )
    .option('--data <text>', 'what was written (of type 7: its Text)')
    .addOption(
      new Option(
        '--field <field>',
        'a field or variable, over what is realistic: Name=text, or Name:=JSON; can be given again',
      )
        .argParser(parseField)
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--entry <json>',
        'an entry, or an array of them, sent as it stands instead of a type',
      ).argParser(parseEntry),
    );
  addUrlOption(command);
  addSecretOption(command);
  addTimeoutOption(command);
  addJsonOption(command);
  return command
    .addHelpText('after', HELP)
    .action((type: number | undefined, options: SendOptions) =>
      send(type, options, terminal),
    );
}

const HELP = `
Types:
${TYPE_NAMES.map((name, number) => `  ${String(number).padStart(2)}  ${name}`).join('\n')}
  any other number is one that Xenioo may add

Examples:
  $ npx nestjs-xenioo send user-message --url http://localhost:3000/xenioo/webhook
  $ npx nestjs-xenioo send 1 --data 'Hello there!' --field UserName=Ada --field city=Rome
  $ npx nestjs-xenioo send user-message --field 'Data:=null' --field 'age:=42'
  $ npx nestjs-xenioo send --entry '[{"Type":8},{"Type":99,"Data":"one day"}]'

Ends with 0 if it was answered 200 in time, and 1 if Xenioo would count it as a failed call.`;

async function send(
  type: number | undefined,
  options: SendOptions,
  terminal: Terminal,
): Promise<void> {
  const body = bodyOf(type, options);
  const endpoint = resolveEndpoint(options, terminal);
  const answer = await call(body, endpoint, options.timeout, terminal);
  if (answer === undefined) return;
  if (answer.failure !== undefined) terminal.exitCode = 1;
  const report = sendReport(body, answer, endpoint);
  terminal.out(options.json ? inJson(report) : inText(report));
}

function bodyOf(
  type: number | undefined,
  { data, field, entry }: SendOptions,
): unknown {
  const isOfType = type !== undefined;
  if (entry !== undefined) {
    if (!isOfType && data === undefined && field.length === 0) return entry;
    throw new UsageError(
      '--entry is sent as it stands: leave out the type, --data and --field, or --entry.',
    );
  }
  if (isOfType) {
    return createEntry(type, {
      fields: field,
      ...(data !== undefined && { data }),
    });
  }
  throw new UsageError(
    `What is to be sent? Give a type (${TYPE_NAMES.join(', ')}, or a number), or --entry.`,
  );
}

/** Absent if Ctrl-C came before the answer. */
async function call(
  body: unknown,
  { url, secret }: Endpoint,
  timeoutMs: number,
  terminal: Terminal,
): Promise<XeniooAnswer | undefined> {
  const sender = new XeniooSender({ url, secret, timeoutMs });
  try {
    // As text: a list would be an array, and a text of JSON a body as it is.
    return await sender.call(JSON.stringify(body), { signal: terminal.signal });
  } catch (error) {
    if (!terminal.signal.aborted) throw error;
    terminal.err('Stopped before an answer came.');
    terminal.exitCode = 1;
    return undefined;
  } finally {
    sender.close();
  }
}
