import { Command } from 'commander';
import type { InitCommandOptions } from './init/run-init.js';
import type { Terminal } from './terminal.js';

const HELP = `
Adds to the application in this folder:
  - XeniooModule, to the root module; with @nestjs/config, which loads .env
  - src/xenioo/xenioo.handlers.ts, a handler, with a spec for Jest or Vitest
  - XENIOO_SECRET, to .env and .env.example, and .env to .gitignore
What is there stays as it is, so running it again changes nothing. It installs no
packages, and prints the command that does. nest add nestjs-xenioo installs this
package and does the same.

Exits with 1 if there is no application, or its root module can't be changed.

Examples:
  $ npx nestjs-xenioo init --dry-run
  $ npx nestjs-xenioo init --project api`;

/** Creates `init`, which adds the module to a Nest application. */
export function createInitCommand(terminal: Terminal): Command {
  return new Command('init')
    .summary('add the module to a Nest application')
    .description(
      'Adds the module, a handler with its spec, and the secret to the Nest application in this folder, and prints each change.',
    )
    .option(
      '--project <name>',
      'application of a monorepo (default: that of nest-cli.json)',
    )
    .option('--no-config', 'read process.env, without @nestjs/config')
    .option('--dry-run', 'print the changes and write nothing')
    .addHelpText('after', HELP)
    .action(async (options: InitCommandOptions) => {
      const { runInit } = await import('./init/init.js');
      runInit(process.cwd(), options, terminal);
    });
}
