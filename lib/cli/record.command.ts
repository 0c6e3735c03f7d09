import { Command } from 'commander';
import {
  addJsonOption,
  addSecretOption,
  resolveSecret,
  type EndpointOptions,
} from './endpoint.options.js';
import { parseCount } from './option.parsers.js';
import { RECORDING_FORMAT } from './record/recorded-call.js';
import { describeCounts } from './record/recording.counts.js';
import { record } from './record/record.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

interface RecordOptions extends EndpointOptions {
  readonly port: number;
  readonly host: string;
  readonly path?: string;
  readonly out?: string;
  readonly unmasked?: true;
  readonly json?: true;
}

/** `record`: a webhook that stands in for yours, and keeps what comes. */
export function createRecordCommand(terminal: Terminal): Command {
  const command = new Command('record')
    .summary('stand in for your webhook, and keep what comes in a file')
    .description(
      "Stands in for your webhook: answers each call 200, and keeps it in a file, with people's words masked.",
    )
    .requiredOption(
      '--port <port>',
      'port to listen on; 0 takes a free one',
      parseCount(0, 65_535),
    )
    .option(
      '--host <host>',
      'address to listen on; 0.0.0.0 for each of this machine',
      '127.0.0.1',
    )
    .option('--path <path>', 'the only path that is answered (default: any)')
    .option('--out <file>', 'file that calls are appended to (default: stdout)')
    .option('--unmasked', "people's words as they are");
  addSecretOption(command);
  addJsonOption(command);
  return command
    .addHelpText('after', HELP)
    .action((options: RecordOptions) => run(options, terminal));
}

const HELP = `
The file:
  ${RECORDING_FORMAT}
  A call is answered 200 when its line is written, and synced with --out: what
  Xenioo was told is there is there, even if the process is killed. One that can't
  be written is answered 503. A file that is a recording already is gone on with;
  any other stays as it is. No header but Content-Type is kept.

What is masked:
  Letters become x or X, digits 0, emojis and other symbols 🙂, one for one; spaces
  and punctuation stay. So it is done to Data, Text, UserName, AccountName, and all
  that is in variables: texts, numbers (42 is 10 then), and names within them;
  true, false and null stay. ConversationId becomes a name that is the same within
  one recording. A body that is no JSON is masked from end to end.
  What stays: Type, ItemType, ItemSubType, Date, Channel, Name and Key (of intents
  and entities, types 3 to 6), the names of variables, and BotToken, which tells
  bots apart and opens nothing. These too are masked where they are of another kind
  than Xenioo documents.

Examples:
  $ npx nestjs-xenioo record --port 3000 --out calls.ndjson
  $ npx nestjs-xenioo replay calls.ndjson --url http://localhost:3000/xenioo/webhook
  $ npx nestjs-xenioo record --port 4000 --unmasked | npx nestjs-xenioo replay - --rate max

Ctrl-C ends it, and tells how much was recorded; --json tells it as JSON, and needs
--out. Ends with 0, or with 1 if a call could not be written.`;

async function run(options: RecordOptions, terminal: Terminal): Promise<void> {
  const { port, host, path, unmasked, json } = options;
  const out = options.out === '-' ? undefined : options.out;
  if (json && out === undefined) {
    throw new UsageError(
      'Without --out the recording goes to stdout, where --json is to stand: give --out.',
    );
  }
  if (path !== undefined && !/^\/[^?#\s]*$/.test(path)) {
    throw new UsageError(
      '--path: expected a path such as /xenioo/webhook, that begins with a slash.',
    );
  }
  const isMasked = !unmasked;
  const plan = { port, host, path, out, isMasked };
  const secret = resolveSecret(options, terminal);
  const counts = await record({ ...plan, secret }, terminal);
  if (counts.unwritten > 0) terminal.exitCode = 1;
  terminal.err(`${describeCounts(counts)}, in ${out ?? 'stdout'}.`);
  if (json)
    terminal.out(JSON.stringify({ file: out, isMasked, ...counts }, null, 2));
}
