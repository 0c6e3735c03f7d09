import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Command } from 'commander';
import { plural } from '../plural.js';
import {
  COMMON_OPTIONS,
  resolveSecret,
  type EndpointOptions,
} from './common.options.js';
import { createBodyMask, MASK_HELP } from './mask-body.js';
import { parseCount } from './option.parsers.js';
import { describeSystemError } from './outcomes.js';
import { createRecordServer, type RecordResult } from './record.server.js';
import { countEntries, RECORDING_HELP } from './recorded-call.js';
import { RecordingFile } from './recording.file.js';
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

/** Time in milliseconds that pending calls have to end after Ctrl-C. */
const CLOSE_TIMEOUT_MS = 5_000;

const HELP = `${RECORDING_HELP}
  A call is answered 200 once its line is written, and synced to disk with --out. A
  call that can't be written is answered 503. An existing file is appended to.
${MASK_HELP}

Examples:
  $ npx nestjs-xenioo record --port 3000 --out calls.ndjson
  $ npx nestjs-xenioo replay calls.ndjson --url http://localhost:3000/xenioo/webhook
  $ npx nestjs-xenioo record --port 4000 --unmasked | npx nestjs-xenioo replay - --rate max

Ctrl-C stops and prints a summary. Exits with 0, or with 1 if a call could not be
written.`;

/** Creates `record`, a webhook that saves the calls it receives. */
export function createRecordCommand(terminal: Terminal): Command {
  return new Command('record')
    .summary('record the calls of Xenioo to a file')
    .description(
      'Receives calls in place of your webhook, answers each 200 and saves it, with personal data masked.',
    )
    .requiredOption(
      '--port <port>',
      'port to listen on; 0 for a free one',
      parseCount(0, 65_535),
    )
    .option(
      '--host <host>',
      'address to listen on; 0.0.0.0 for all addresses',
      '127.0.0.1',
    )
    .option('--path <path>', 'only path to answer (default: any)')
    .option('--out <file>', 'file to append to (default: stdout)')
    .option('--unmasked', 'do not mask personal data')
    .addOption(COMMON_OPTIONS.secret)
    .addOption(COMMON_OPTIONS.json)
    .addHelpText('after', HELP)
    .action((options: RecordOptions) => record(options, terminal));
}

async function record(
  options: RecordOptions,
  terminal: Terminal,
): Promise<void> {
  const { path, unmasked, json } = options;
  const out = options.out === '-' ? undefined : options.out;
  if (json && out === undefined) {
    throw new UsageError(
      '--json requires --out. Fix: give --out; without it the recording goes to stdout.',
    );
  }
  if (path !== undefined && !/^\/[^?#\s]*$/.test(path)) {
    throw new UsageError('--path: expected a path such as /xenioo/webhook.');
  }
  const secret = resolveSecret(options, terminal);
  const mask = unmasked ? (body: string) => body : createBodyMask(secret);
  const file =
    out === undefined
      ? RecordingFile.toStdout(terminal)
      : await RecordingFile.open(out);
  let events = 0;
  const outcomes: Record<string, number> = {};
  const server = createRecordServer({
    secret,
    path,
    signal: terminal.signal,
    async save(call) {
      await file.append({ ...call, body: mask(call.body) });
      return countEntries(call.body);
    },
    onResult(result) {
      events += result.events ?? 0;
      const outcome = String(result.status ?? 'incomplete');
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      terminal.err(describeResult(result));
    },
  });
  try {
    await listen(server, options);
    terminal.err(greeting(server.address() as AddressInfo, options));
    if (!terminal.signal.aborted) await once(terminal.signal, 'abort');
    await close(server);
  } finally {
    await file.close();
  }
  const calls = outcomes['200'] ?? 0;
  terminal.err(
    `Recorded ${plural(calls, 'call')} with ${plural(events, 'event')} in ${out ?? 'stdout'}.`,
  );
  const summary = { file: out, isMasked: !unmasked, calls, events, outcomes };
  if (json) terminal.out(JSON.stringify(summary, null, 2));
  if (outcomes['503']) terminal.exitCode = 1;
}

function describeResult({ status, events, problem }: RecordResult): string {
  const time = new Date().toTimeString().slice(0, 8);
  const what = problem ?? plural(events ?? 0, 'event');
  return `${time}  ${status ?? '---'}  ${what}`;
}

async function listen(
  server: Server,
  { port, host }: RecordOptions,
): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening').catch((error: unknown) => {
    throw new UsageError(
      `Cannot listen on ${host}:${port}: ${describeSystemError(error)}. Fix: choose another --port or --host.`,
    );
  });
}

/** Closes the server once the pending calls have ended. */
async function close(server: Server): Promise<void> {
  const timer = setTimeout(
    () => server.closeAllConnections(),
    CLOSE_TIMEOUT_MS,
  );
  server.close();
  await once(server, 'close');
  clearTimeout(timer);
}

function greeting(
  { address, family, port }: AddressInfo,
  { path = '/', unmasked }: RecordOptions,
): string {
  const isAny = address === '0.0.0.0' || address === '::';
  const host = family === 'IPv6' ? `[${address}]` : address;
  const origin = `http://${isAny ? 'localhost' : host}:${port}`;
  return [
    `Recording at ${origin}${path}. Press Ctrl-C to stop.`,
    `To receive calls from Xenioo, run: npx cloudflared tunnel --url ${origin}`,
    `Then set the https URL it prints${path === '/' ? '' : `, with ${path},`} as the Events Webhook URL of the bot.`,
    ...(unmasked ? ['The recording contains personal data: protect it.'] : []),
  ].join('\n');
}
