import { Command } from 'commander';
import {
  COMMON_OPTIONS,
  resolveEndpoint,
  type EndpointOptions,
} from '../common.options.js';
import type { Terminal } from '../terminal.js';
import { DOCTOR_CHANNEL, DOCTOR_CONVERSATION } from './doctor.entries.js';
import { DoctorReport, shownUrl } from './doctor.report.js';
import { runChecks } from './run-checks.js';

interface DoctorOptions extends Pick<EndpointOptions, 'secret'> {
  readonly botToken?: string;
  readonly timeout: number;
  readonly json?: true;
}

const HELP = `
Sends about 1,100 events in about 50 calls, one of them of 5 MB. Your handlers
receive them like any other events. Their Channel is ${DOCTOR_CHANNEL}, and their
ConversationId begins with ${DOCTOR_CONVERSATION}; two events have neither, since
they test missing fields. nestjs-xenioo keeps two of the calls, an empty body and
invalid JSON, as dead letters.

Results:
  ✓  passed
  !  warning
  ✗  finding: a call that Xenioo may make fails, or the secret is not checked
A fault that several checks find is counted once.

Exits with 0 if there is no finding, and with 1 if there is one or not all checks ran.

Examples:
  $ npx nestjs-xenioo doctor http://localhost:3000/xenioo/webhook --secret …
  $ npx nestjs-xenioo doctor https://example.com/xenioo/webhook --json`;

/** Creates `doctor`, which checks an endpoint with every kind of call that Xenioo may make. */
export function createDoctorCommand(terminal: Terminal): Command {
  return new Command('doctor')
    .summary('check a webhook with every kind of call that Xenioo may make')
    .description(
      'Checks a webhook with every kind of call that Xenioo may make, and reports what failed, why it matters and how to fix it. Works with webhooks in any language.',
    )
    .argument('[url]', 'URL of the webhook (default: XENIOO_URL)')
    .addOption(COMMON_OPTIONS.secret)
    .option('--bot-token <token>', 'BotToken of the events (default: none)')
    .addOption(COMMON_OPTIONS.timeout)
    .addOption(COMMON_OPTIONS.json)
    .addHelpText('after', HELP)
    .action((url: string | undefined, options: DoctorOptions) =>
      runDoctor(url, options, terminal),
    );
}

async function runDoctor(
  givenUrl: string | undefined,
  options: DoctorOptions,
  terminal: Terminal,
): Promise<void> {
  const { botToken, timeout: timeoutMs, json } = options;
  const endpoint = resolveEndpoint({ ...options, url: givenUrl }, terminal);
  const url = new URL(endpoint.url);
  const report = new DoctorReport(terminal);
  if (!json) terminal.out(`${report.formatStart(url)}\n\n`);
  const examination = await runChecks(
    { ...endpoint, url, timeoutMs, botToken, signal: terminal.signal },
    result => json || terminal.out(report.formatResult(result)),
  );
  terminal.out(
    json
      ? JSON.stringify({ url: shownUrl(url), ...examination }, null, 2)
      : report.formatSummary(examination),
  );
  if (examination.findings > 0 || examination.stopped !== undefined) {
    terminal.exitCode = 1;
  }
}
