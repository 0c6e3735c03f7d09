import { readFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { Command } from 'commander';
import { createDoctorCommand } from './doctor.command.js';
import { createRecordCommand } from './record.command.js';
import { createReplayCommand } from './replay.command.js';
import { createSendCommand } from './send.command.js';
import { createSimulateCommand } from './simulate.command.js';
import type { Terminal } from './terminal.js';

/** Each command, and the line that shows it in the help of all. */
const COMMANDS = [
  {
    create: createDoctorCommand,
    example: 'nestjs-xenioo doctor',
  },
  {
    create: createSendCommand,
    example: `nestjs-xenioo send user-message --data 'Hello there!'`,
  },
  {
    create: createSimulateCommand,
    example:
      'nestjs-xenioo simulate --conversations 200 --rate 100 --duration 30s',
  },
  {
    create: createRecordCommand,
    example: 'nestjs-xenioo record --port 4000 --out calls.ndjson',
  },
  {
    create: createReplayCommand,
    example: 'nestjs-xenioo replay calls.ndjson',
  },
];

/** The tool with all of its commands. It prints to the terminal alone, and throws a `CommanderError` where it would end the process. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('nestjs-xenioo')
    .description(
      `Plays Xenioo to a webhook of yours. Xenioo itself can't be asked to send a
test event, and stops calling a webhook for good after more than 10 failed
calls: try yours before it does.`,
    )
    .version(packageVersion(), '-V, --version', 'which version it is')
    .helpOption('-h, --help', 'what there is, and how to use it')
    .helpCommand('help [command]', 'the same, of one command')
    .showHelpAfterError('Add --help to see what there is.')
    .configureHelp({ styleTitle: title => styleText('bold', title) })
    .configureOutput({
      writeOut: text => terminal.out(text),
      writeErr: text => terminal.err(text),
      outputError: (text, write) => write(withoutValue(text)),
      getOutHasColors: () => terminal.hasColors,
      getErrHasColors: () => false,
      getOutHelpWidth: () => Math.min(terminal.columns, 100),
      getErrHelpWidth: () => Math.min(terminal.columns, 100),
    })
    .exitOverride()
    .addHelpText('after', afterHelp());
  for (const { create } of COMMANDS) {
    program.addCommand(create(terminal).copyInheritedSettings(program));
  }
  return program;
}

/** A misspelt option is named without its value, which may be a secret: `--secrte=…`. */
function withoutValue(text: string): string {
  return text.replace(/(unknown option '[^'=]*)=[^]*'/, "$1'");
}

function packageVersion(): string {
  const manifest = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string })
    .version;
}

function afterHelp(): string {
  return `
Examples, with XENIOO_URL and XENIOO_SECRET set:
${COMMANDS.map(({ example }) => `  $ npx ${example}`).join('\n')}

Environment:
  XENIOO_URL     URL of the webhook, such as http://localhost:3000/xenioo/webhook
  XENIOO_SECRET  API Secret of the bot; it is never shown
  NO_COLOR       anything: no colours

Exit codes:
  0  all went as Xenioo expects
  1  the webhook did not do what Xenioo expects: a failed call, a finding
  2  the command can't be run as it was given: an unknown option, no secret, a bad URL`;
}
