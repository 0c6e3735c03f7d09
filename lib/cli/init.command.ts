import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { Command } from 'commander';
import type { ProjectFiles } from './init/find-project.js';
import { formatChanges, formatSteps } from './init/format-plan.js';
import { InitError } from './init/init.error.js';
import type { InitOptions } from './init/plan-init.js';
import { describeSystemError } from './outcomes.js';
import type { Terminal } from './terminal.js';

interface CommandOptions extends InitOptions {
  readonly dryRun?: true;
}

const HELP = `
Adds to the application in this folder:
  - XeniooModule, to the root module; with @nestjs/config, which loads .env
  - src/xenioo/xenioo.handlers.ts, a handler, with a spec for Jest or Vitest
  - XENIOO_SECRET, to .env and .env.example, and .env to .gitignore
What is there stays as it is, so running it again changes nothing. It installs no
packages, and prints the command that does.

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
    .action((options: CommandOptions) => init(options, terminal));
}

async function init(
  { dryRun, ...options }: CommandOptions,
  terminal: Terminal,
): Promise<void> {
  // On demand, since no other command needs the parser of TypeScript.
  const { planInit } = await import('./init/plan-init.js');
  const root = process.cwd();
  try {
    const plan = planInit(projectFiles(root), {
      ...options,
      userAgent: terminal.env.npm_config_user_agent,
    });
    terminal.out(formatChanges(plan));
    if (dryRun) {
      terminal.out('\nNothing was written (--dry-run).');
      return;
    }
    for (const { path, after } of plan.changes) write(root, path, after);
    if (plan.steps.length > 0) terminal.out(`\nNext:\n${formatSteps(plan)}`);
  } catch (error) {
    if (!(error instanceof InitError)) throw error;
    terminal.err(`error: ${error.message}`);
    terminal.exitCode = 1;
  }
}

function projectFiles(root: string): ProjectFiles {
  return {
    read: path =>
      existsSync(join(root, path))
        ? readFileSync(join(root, path), 'utf8')
        : undefined,
    list: folder =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(({ parentPath, name }) =>
          relative(root, join(parentPath, name)).replaceAll(sep, '/'),
        ),
  };
}

function write(root: string, path: string, text: string): void {
  try {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  } catch (error) {
    throw new InitError(
      `Cannot write ${path}: ${describeSystemError(error)}. Fix: solve this, then run the command again; it adds what is missing.`,
    );
  }
}
