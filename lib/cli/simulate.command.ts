import { Command } from 'commander';
import { plural } from '../plural.js';
import type { XeniooFailureCounting } from '../simulator/failure-count.js';
import { xeniooConversation } from '../simulator/xenioo-conversation.js';
import { xeniooTraffic } from '../simulator/xenioo-traffic.js';
import { XeniooSender } from '../simulator/xenioo.sender.js';
import { runCalls } from './call-run.js';
import { formatCallRun } from './call-run.table.js';
import {
  COMMON_OPTIONS,
  resolveEndpoint,
  type EndpointOptions,
} from './common.options.js';
import { formatCount } from './format.js';
import { parseCount, parseDuration, parseShare } from './option.parsers.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

interface SimulateOptions extends EndpointOptions {
  readonly conversations: number;
  readonly rate: number;
  readonly duration?: number;
  readonly grouped?: number;
  readonly shuffle?: true;
  readonly duplicate: number;
  readonly failures: XeniooFailureCounting;
  readonly concurrency: number;
  readonly seed?: number;
  readonly timeout: number;
  readonly json?: true;
}

const HELP = `
Examples:
  $ npx nestjs-xenioo simulate --url http://localhost:3000/xenioo/webhook
  $ npx nestjs-xenioo simulate --conversations 200 --rate 100 --duration 30s
  $ npx nestjs-xenioo simulate --grouped 30 --shuffle --duplicate 2%
  $ npx nestjs-xenioo simulate --rate max --duration 10s --failures ignore --json

Ctrl-C stops and prints the report. Exits with 0 if every call was answered 200
in time, and with 1 otherwise.`;

/** Creates `simulate`, which sends many conversations at once. */
export function createSimulateCommand(terminal: Terminal): Command {
  const parsePositive = parseCount(1, 1_000_000);
  return new Command('simulate')
    .summary('send many concurrent conversations')
    .description(
      'Sends many concurrent conversations as Xenioo does, and stops when Xenioo would.',
    )
    .option(
      '--conversations <count>',
      'concurrent conversations',
      parsePositive,
      20,
    )
    .addOption(COMMON_OPTIONS.rate)
    .option(
      '--duration <duration>',
      'run time, such as 30s or 2m; new conversations replace those that end (default: until all end)',
      parseDuration,
    )
    .option(
      '--grouped <count>',
      'events per call, as an array (default: one, as an object)',
      parsePositive,
    )
    .option('--shuffle', 'send events out of order')
    .option(
      '--duplicate <share>',
      'share of calls that are repeated later, such as 2%',
      parseShare,
      0,
    )
    .addOption(COMMON_OPTIONS.concurrency(64))
    .option(
      '--seed <number>',
      'send the same conversations in each run (an app drops duplicates from an earlier run)',
      parseCount(0, 2 ** 32 - 1),
    )
    .addOption(COMMON_OPTIONS.failures)
    .addOption(COMMON_OPTIONS.url)
    .addOption(COMMON_OPTIONS.secret)
    .addOption(COMMON_OPTIONS.timeout)
    .addOption(COMMON_OPTIONS.json)
    .addHelpText('after', HELP)
    .action((options: SimulateOptions) => simulate(options, terminal));
}

async function simulate(
  options: SimulateOptions,
  terminal: Terminal,
): Promise<void> {
  const { conversations, duration, seed, rate, grouped, concurrency } = options;
  assertFitsMemory((grouped ?? 1) * concurrency);
  const { url, secret } = resolveEndpoint(options, terminal);
  const seedOption = seed === undefined ? {} : { seed };
  const sender = new XeniooSender({
    url,
    secret,
    timeoutMs: options.timeout,
    failures: options.failures,
    ...seedOption,
  });
  const isEndless = duration !== undefined;
  const report = await runCalls(
    {
      url,
      subject: plural(conversations, 'conversation'),
      rate,
      concurrency,
      durationMs: duration,
      events: isEndless
        ? undefined
        : conversations * xeniooConversation().length,
      send: run =>
        sender.send(
          xeniooTraffic({ conversations, endless: isEndless, ...seedOption }),
          {
            ...(grouped !== undefined && { grouped }),
            shuffled: options.shuffle ?? false,
            repeated: options.duplicate,
            intervalMs: 1_000 / rate,
            ...run,
          },
        ),
    },
    terminal,
  ).finally(() => sender.close());
  const result = { conversations, ...report };
  terminal.out(
    options.json ? JSON.stringify(result, null, 2) : formatCallRun(report),
  );
  if (!report.isSuccessful) terminal.exitCode = 1;
}

/** Upper bound of the events in pending calls. Each of them takes about 1 KB of memory. */
const MAX_PENDING_EVENTS = 500_000;

function assertFitsMemory(events: number): void {
  if (events <= MAX_PENDING_EVENTS) return;
  throw new UsageError(
    `--grouped times --concurrency would make ${formatCount(events)} events pending at once, which may not fit into memory. Fix: lower one of them; the limit is ${formatCount(MAX_PENDING_EVENTS)} events.`,
  );
}
