import { Command, Option } from 'commander';
import type { XeniooFailureReading } from '../simulator/failure-count.js';
import {
  addFailuresOption,
  addJsonOption,
  addSecretOption,
  addTimeoutOption,
  addUrlOption,
  resolveEndpoint,
  type EndpointOptions,
} from './endpoint.options.js';
import { parseCount, parseRate, parseSpeed } from './option.parsers.js';
import { RECORDING_FORMAT } from './record/recorded-call.js';
import { checkRecording } from './replay/read-recording.js';
import { replay } from './replay/replay.js';
import { showReplayProgress } from './replay/replay.progress.js';
import { inTable, replayReport } from './replay/replay.report.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

interface ReplayOptions extends EndpointOptions {
  readonly rate: number;
  readonly speed?: number;
  readonly freshDates?: true;
  readonly failures: XeniooFailureReading;
  readonly concurrency: number;
  readonly timeout: number;
  readonly json?: true;
}

/** `replay`: the calls of a recording, once more. */
export function createReplayCommand(terminal: Terminal): Command {
  const command = new Command('replay')
    .summary('send the calls of a recording again')
    .description(
      'Sends the calls of a recording again: in their order, and grouped as they were.',
    )
    .argument('<file>', 'a recording; - reads stdin');
  addPaceOptions(command);
  addFailuresOption(command);
  addUrlOption(command);
  addSecretOption(command);
  addTimeoutOption(command);
  addJsonOption(command);
  return command
    .addHelpText('after', HELP)
    .action((file: string, options: ReplayOptions) =>
      run(file, options, terminal),
    );
}

function addPaceOptions(command: Command): void {
  command
    .option(
      '--rate <rate>',
      'calls a second; max: as fast as they are answered',
      parseRate,
      100,
    )
    .addOption(
      new Option(
        '--speed <factor>',
        'in place of --rate: 1 as they came, 10 ten times as fast',
      )
        .argParser(parseSpeed)
        .conflicts('rate'),
    )
    .option(
      '--fresh-dates',
      'move each Date by the same time, so that the first is now: an app drops what it has seen',
    )
    .option(
      '--concurrency <count>',
      'most calls that wait for an answer at once; more than 1 begin in order, but may overtake each other',
      parseCount(1, 10_000),
      1,
    );
}

const HELP = `
The file:
  ${RECORDING_FORMAT}
  Only body or text must be there. Empty lines are passed over. Of a file each line
  is looked at before anything is sent. A pipe is sent as it comes, until a line is
  broken: what is behind that is not sent.

Examples:
  $ npx nestjs-xenioo replay calls.ndjson --url http://localhost:3000/xenioo/webhook
  $ npx nestjs-xenioo replay calls.ndjson --fresh-dates --speed 10
  $ head -100 calls.ndjson | npx nestjs-xenioo replay - --rate max --json

Ctrl-C ends it, and shows what was done until then. Ends with 0 if each call was
answered 200 in time, with 1 if one was not or was left out, and with 2 if a line
is broken.`;

async function run(
  file: string,
  { rate, speed, freshDates, ...options }: ReplayOptions,
  terminal: Terminal,
): Promise<void> {
  const { failures, concurrency, timeout, json } = options;
  const endpoint = resolveEndpoint(options, terminal);
  const plan = {
    ...endpoint,
    file,
    pace: speed === undefined ? { rate } : { speed },
    hasFreshDates: freshDates ?? false,
    failures,
    concurrency,
    timeoutMs: timeout,
  };
  const { signal } = terminal;
  const needsTimes = speed !== undefined;
  const size = await checkRecording(file, { needsTimes, signal });
  if (size?.calls === 0) throw new UsageError(`${file} holds no calls.`);
  const progress = showReplayProgress(endpoint.url, size, terminal);
  const outcome = await replay(plan, progress.onCall, signal).finally(() =>
    progress.end(),
  );
  const report = replayReport(plan, outcome, size);
  terminal.out(json ? JSON.stringify(report, null, 2) : inTable(report));
  if (outcome.error !== undefined) throw outcome.error;
  if (!report.isAsExpected) terminal.exitCode = 1;
}
