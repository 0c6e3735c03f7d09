import { Command } from 'commander';
import {
  DOCTOR_CHANNEL,
  DOCTOR_CONVERSATION,
} from './doctor/doctor.entries.js';
import { DoctorReport, shown } from './doctor/doctor.report.js';
import { examine, type Examination } from './doctor/examine.js';
import type { PatientOptions } from './doctor/patient.js';
import {
  addJsonOption,
  addSecretOption,
  addTimeoutOption,
  resolveEndpoint,
} from './endpoint.options.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

interface DoctorOptions {
  readonly secret?: string;
  readonly botToken?: string;
  readonly timeout: number;
  readonly json?: true;
}

/** `doctor`: checks whether an endpoint takes what Xenioo sends. */
export function createDoctorCommand(terminal: Terminal): Command {
  const command = new Command('doctor')
    .summary('check a webhook, of whatever make, as Xenioo would meet it')
    .description(
      `Calls a webhook as Xenioo would, and says of each thing that Xenioo may do
whether it is taken, what is wrong, why it matters and how to mend it. Any
webhook will do, whatever it is written with.`,
    )
    .argument('[url]', 'URL of the webhook (default: XENIOO_URL)');
  addSecretOption(command).option(
    '--bot-token <token>',
    'BotToken of the events (default: they have none)',
  );
  addTimeoutOption(command);
  addJsonOption(command);
  return command
    .addHelpText('after', AFTER_HELP)
    .action((url: string | undefined, options: DoctorOptions) =>
      runDoctor(url, options, terminal),
    );
}

const AFTER_HELP = `
It sends events: some 1,100 in about 50 calls, 5 MB of them in one, and the
handlers behind the webhook get them as any others. To tell them apart: their
\`Channel\` is ${DOCTOR_CHANNEL}, and \`ConversationId\` begins with
${DOCTOR_CONVERSATION}. Two of them have neither, since that is what they
try: one is nothing but its Type, the other is null in all other fields.

✗ is a finding: a call that Xenioo may make, and that fails, or a secret that
is not asked for. ! is a remark. What was found before is not counted again.

Exit codes:
  0  no finding
  1  a finding, or not all checks could be made
  2  the command can't be run as it was given

Examples:
  $ npx nestjs-xenioo doctor http://localhost:3000/xenioo/webhook --secret …
  $ npx nestjs-xenioo doctor https://example.com/xenioo/webhook --json`;

async function runDoctor(
  given: string | undefined,
  { botToken, timeout, json, ...options }: DoctorOptions,
  terminal: Terminal,
): Promise<void> {
  if (given === undefined && !terminal.env.XENIOO_URL) {
    throw new UsageError(
      'No URL: give one, such as http://localhost:3000/xenioo/webhook, or set XENIOO_URL.',
    );
  }
  const endpoint = resolveEndpoint(
    { ...options, ...(given !== undefined && { url: given }) },
    terminal,
  );
  const patient: PatientOptions = {
    url: new URL(endpoint.url),
    secret: endpoint.secret,
    timeoutMs: timeout,
    botToken,
    signal: terminal.signal,
  };
  const examination = json
    ? await examineInJson(patient, terminal)
    : await examineInWords(patient, terminal);
  if (examination.findings > 0 || examination.stopped !== undefined) {
    terminal.exitCode = 1;
  }
}

async function examineInJson(
  patient: PatientOptions,
  terminal: Terminal,
): Promise<Examination> {
  const examination = await examine(patient, () => {});
  const document = { url: shown(patient.url), ...examination };
  terminal.out(JSON.stringify(document, null, 2));
  return examination;
}

async function examineInWords(
  patient: PatientOptions,
  terminal: Terminal,
): Promise<Examination> {
  const report = new DoctorReport(terminal.hasColors, terminal.columns);
  terminal.out(`${report.opening(patient.url)}\n\n`);
  const examination = await examine(patient, result =>
    terminal.out(report.result(result)),
  );
  terminal.out(report.closing(examination));
  return examination;
}
