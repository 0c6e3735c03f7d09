import { readFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { Command } from 'commander';
import { createDoctorCommand } from './doctor/doctor.command.js';
import { createInitCommand } from './init.command.js';
import { createMigrateCommand } from './migrate.command.js';
import { createRecordCommand } from './record.command.js';
import { createReplayCommand } from './replay.command.js';
import { createSendCommand } from './send.command.js';
import { createSimulateCommand } from './simulate.command.js';
import type { Terminal } from './terminal.js';

const HELP = `
To add the module to an application:
  $ npx nestjs-xenioo init

Examples, with XENIOO_URL and XENIOO_SECRET set:
  $ npx nestjs-xenioo doctor
  $ npx nestjs-xenioo send user-message --data 'Hello there!'
  $ npx nestjs-xenioo simulate --conversations 200 --rate 100 --duration 30s
  $ npx nestjs-xenioo record --port 4000 --out calls.ndjson
  $ npx nestjs-xenioo replay calls.ndjson

Environment:
  XENIOO_URL     URL of the webhook, such as http://localhost:3000/xenioo/webhook
  XENIOO_SECRET  API Secret of the bot; never printed
  NO_COLOR       disables colors

Exit codes:
  0  success: every call was answered as Xenioo expects
  1  a call failed, doctor has a finding, or init can't change the application
  2  invalid usage: an unknown option, no secret, an invalid URL`;

/** Creates the program with all commands. It throws a `CommanderError` instead of exiting. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('nestjs-xenioo')
    .description(
      "Tests your webhook with the calls that Xenioo makes. Xenioo can't send test events, and stops calling a webhook after more than 10 failed calls.",
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showHelpAfterError('See --help for usage.')
    .configureHelp({ styleTitle: title => styleText('bold', title) })
    .configureOutput({
      writeOut: text => terminal.out(text),
      writeErr: text => terminal.err(text),
      // The value of a misspelled option may be a secret: `--secrte=…`.
      outputError: (text, write) =>
        write(text.replace(/(unknown option '[^'=]*)=[^]*'/, "$1'")),
      getOutHasColors: () => terminal.hasColors,
      getErrHasColors: () => false,
      getOutHelpWidth: () => Math.min(terminal.columns, 100),
      getErrHelpWidth: () => Math.min(terminal.columns, 100),
    })
    .exitOverride()
    .addHelpText('after', HELP);
  for (const create of [
    createInitCommand,
    createDoctorCommand,
    createSendCommand,
    createSimulateCommand,
    createRecordCommand,
    createReplayCommand,
    createMigrateCommand,
  ]) {
    program.addCommand(create(terminal).copyInheritedSettings(program));
  }
  return program;
}

function packageVersion(): string {
  const manifest = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string })
    .version;
}
