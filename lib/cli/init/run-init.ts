import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import type { Terminal } from '../terminal.js';
import type { ProjectFiles } from './find-project.js';
import { formatChanges, formatSteps } from './format-plan.js';
import { InitError } from './init.error.js';
import { planInit, type InitOptions } from './plan-init.js';

/** Options of the command `init`. */
export interface InitCommandOptions extends InitOptions {
  readonly dryRun?: true;
}

/** Prints the changes of the application in a folder, makes them, and prints the steps that remain. */
export function runInit(
  root: string,
  { dryRun, ...options }: InitCommandOptions,
  terminal: Terminal,
): void {
  try {
    const plan = planInit(filesIn(root), {
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

function filesIn(root: string): ProjectFiles {
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
      `Cannot write ${path}: ${(error as Error).message}. Fix: solve this, then run the command again; it adds what is missing.`,
    );
  }
}
