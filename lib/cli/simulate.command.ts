import { Command } from 'commander';
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
import {
  parseCount,
  parseDuration,
  parseRate,
  parseShare,
} from './option.parsers.js';
import { simulate } from './simulate.js';
import { showProgress } from './simulation.progress.js';
import { inTable, simulationReport } from './simulation.report.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

interface SimulateOptions extends EndpointOptions {
  readonly conversations: number;
  readonly rate: number;
  readonly duration?: number;
  readonly grouped?: number;
  readonly shuffle?: true;
  readonly duplicate: number;
  readonly failures: XeniooFailureReading;
  readonly concurrency: number;
  readonly seed?: number;
  readonly timeout: number;
  readonly json?: true;
}

/** `simulate`: many conversations at once, as the service would tell them. */
export function createSimulateCommand(terminal: Terminal): Command {
  const command = new Command('simulate')
    .summary('play many conversations at once')
    .description(
      'Plays many conversations at once, as Xenioo would tell them, and stops when Xenioo would.',
    );
  addTrafficOptions(command);
  addFailuresOption(command);
  addUrlOption(command);
  addSecretOption(command);
  addTimeoutOption(command);
  addJsonOption(command);
  return command
    .addHelpText('after', HELP)
    .action((options: SimulateOptions) => run(options, terminal));
}

function addTrafficOptions(command: Command): void {
  const count = parseCount(1, 1_000_000);
  command
    .option('--conversations <count>', 'conversations side by side', count, 20)
    .option(
      '--rate <rate>',
      'calls a second, whatever is in them; max: as fast as they are answered',
      parseRate,
      100,
    )
    .option(
      '--duration <duration>',
      'how long, such as 30s or 2m: one that is over is followed by another (default: until each conversation is over)',
      parseDuration,
    )
    .option(
      '--grouped <count>',
      'so many events in a call, as an array (default: one, as an object)',
      count,
    )
    .option('--shuffle', 'events in another order than they happened in')
    .option(
      '--duplicate <share>',
      'share of calls that are made again later, such as 2%',
      parseShare,
      0,
    )
    .option(
      '--concurrency <count>',
      'most calls that wait for an answer at once',
      parseCount(1, 10_000),
      64,
    )
    .option(
      '--seed <number>',
      'the same conversations each time; an app drops events that it knows',
      parseCount(0, 2 ** 32 - 1),
    );
}

const HELP = `
Examples:
  $ npx nestjs-xenioo simulate --url http://localhost:3000/xenioo/webhook
  $ npx nestjs-xenioo simulate --conversations 200 --rate 100 --duration 30s
  $ npx nestjs-xenioo simulate --grouped 30 --shuffle --duplicate 2%
  $ npx nestjs-xenioo simulate --rate max --duration 10s --failures ignore --json

Ctrl-C ends it, and shows what was done until then. Ends with 0 if each call was
answered 200 in time, and 1 if one was not.`;

async function run(
  {
    conversations,
    rate,
    duration,
    grouped,
    shuffle,
    ...options
  }: SimulateOptions,
  terminal: Terminal,
): Promise<void> {
  const { duplicate, failures, concurrency, seed, timeout, json } = options;
  const endpoint = resolveEndpoint(options, terminal);
  assertFits((grouped ?? 1) * concurrency);
  const plan = {
    ...endpoint,
    conversations,
    rate,
    durationMs: duration,
    grouped,
    shuffled: shuffle ?? false,
    repeated: duplicate,
    failures,
    concurrency,
    seed,
    timeoutMs: timeout,
  };
  const progress = showProgress(plan, terminal);
  const outcome = await simulate(plan, progress, terminal.signal).finally(() =>
    progress.end(),
  );
  const report = simulationReport(plan, outcome);
  terminal.out(json ? JSON.stringify(report, null, 2) : inTable(report));
  if (report.failed > 0 || report.stopped !== undefined) terminal.exitCode = 1;
}

/** What is under way is in memory, some 1 KB an event. */
const MOST_UNDER_WAY = 500_000;

function assertFits(events: number): void {
  if (events <= MOST_UNDER_WAY) return;
  throw new UsageError(
    `--grouped times --concurrency is ${events.toLocaleString('en')} events under way at once, and more than ${MOST_UNDER_WAY.toLocaleString('en')} may not fit into memory: lower one of them.`,
  );
}
