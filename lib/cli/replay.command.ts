import { createReadStream } from 'node:fs';
import { Command, Option } from 'commander';
import { parseWireDate } from '../events/wire-date.js';
import type { XeniooFailureCounting } from '../simulator/failure-count.js';
import type { PlannedCall } from '../simulator/plan-calls.js';
import { sendCalls } from '../simulator/send-calls.js';
import { XeniooSender } from '../simulator/xenioo.sender.js';
import { runCalls } from './call-run.js';
import { formatCallRun } from './call-run.table.js';
import {
  COMMON_OPTIONS,
  resolveEndpoint,
  type EndpointOptions,
} from './common.options.js';
import { createDateMover } from './fresh-dates.js';
import { parseSpeed } from './option.parsers.js';
import { readRecording } from './read-recording.js';
import {
  countEntries,
  RECORDING_HELP,
  type RecordedCall,
} from './recorded-call.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

interface ReplayOptions extends EndpointOptions {
  readonly rate: number;
  readonly speed?: number;
  readonly freshDates?: true;
  readonly failures: XeniooFailureCounting;
  readonly concurrency: number;
  readonly timeout: number;
  readonly json?: true;
}

const HELP = `${RECORDING_HELP}
  Only body is required. An incomplete line is skipped with a warning.

Examples:
  $ npx nestjs-xenioo replay calls.ndjson --url http://localhost:3000/xenioo/webhook
  $ npx nestjs-xenioo replay calls.ndjson --fresh-dates --speed 10
  $ head -100 calls.ndjson | npx nestjs-xenioo replay - --rate max --json

Ctrl-C stops and prints the report. Exits with 0 if every call was sent and answered
200 in time, with 1 if not, and with 2 if a line is not a recorded call.`;

/** Creates `replay`, which sends the calls of a recording. */
export function createReplayCommand(terminal: Terminal): Command {
  return new Command('replay')
    .summary('send the calls of a recording')
    .description(
      'Sends the calls of a recording in their order, with the recorded bodies.',
    )
    .argument('<file>', 'recording to send; - for stdin')
    .addOption(COMMON_OPTIONS.rate)
    .addOption(
      new Option(
        '--speed <factor>',
        'instead of --rate: 1 for the recorded pace, 10 for ten times as fast',
      )
        .argParser(parseSpeed)
        .conflicts('rate'),
    )
    .option(
      '--fresh-dates',
      'shift all dates so that the first is now (else an app drops the events as duplicates)',
    )
    .addOption(COMMON_OPTIONS.concurrency(1))
    .addOption(COMMON_OPTIONS.failures)
    .addOption(COMMON_OPTIONS.url)
    .addOption(COMMON_OPTIONS.secret)
    .addOption(COMMON_OPTIONS.timeout)
    .addOption(COMMON_OPTIONS.json)
    .addHelpText('after', HELP)
    .action((file: string, options: ReplayOptions) =>
      replay(file, options, terminal),
    );
}

async function replay(
  file: string,
  options: ReplayOptions,
  terminal: Terminal,
): Promise<void> {
  const { speed, rate, freshDates, concurrency, failures } = options;
  const { url, secret } = resolveEndpoint(options, terminal);
  const sender = new XeniooSender({
    url,
    secret,
    failures,
    timeoutMs: options.timeout,
  });
  const input = file === '-' ? process.stdin : createReadStream(file);
  let incompleteLines = 0;
  const calls = readRecording(input, {
    file,
    needsTimes: speed !== undefined,
    onIncompleteLine(lineNumber) {
      incompleteLines++;
      terminal.err(`warning: skipped line ${lineNumber}: it is incomplete`);
    },
  });
  const startAfterMs =
    speed === undefined
      ? (_call: ReplayedCall, index: number) => (index * 1_000) / rate
      : recordedPace(speed);
  const moveDates = freshDates ? createDateMover() : (body: string) => body;
  const report = await runCalls(
    {
      url,
      subject: file === '-' ? 'Calls from stdin' : `Calls of ${file}`,
      concurrency,
      rate: speed === undefined ? rate : undefined,
      send: run =>
        sendCalls(sender, planCalls(calls, moveDates), {
          ...run,
          startAfterMs,
        }),
    },
    terminal,
  ).finally(() => {
    input.destroy();
    sender.close();
  });
  if (report.calls === 0 && report.endedBy === 'all sent') {
    throw new UsageError(
      `${file} contains no recorded calls. Fix: create a recording with the record command.`,
    );
  }
  terminal.out(
    options.json
      ? JSON.stringify({ file, incompleteLines, ...report }, null, 2)
      : formatCallRun(report),
  );
  const isComplete = report.endedBy === 'all sent';
  if (!report.isSuccessful || !isComplete) terminal.exitCode = 1;
}

interface ReplayedCall extends PlannedCall {
  readonly receivedAt: string | undefined;
}

async function* planCalls(
  calls: AsyncIterable<RecordedCall>,
  moveDates: (body: string) => string,
): AsyncGenerator<ReplayedCall, undefined> {
  for await (const { body, contentType, receivedAt } of calls) {
    yield {
      body: moveDates(body),
      ...(contentType !== undefined && {
        headers: { 'content-type': contentType },
      }),
      events: countEntries(body),
      isRepeated: false,
      receivedAt,
    };
  }
}

/** Returns the start of each call relative to the first, at a multiple of the recorded pace. */
function recordedPace(speed: number): (call: ReplayedCall) => number {
  let first: number | undefined;
  return ({ receivedAt }) => {
    const time = parseWireDate(receivedAt)!.getTime();
    first ??= time;
    return (time - first) / speed;
  };
}
