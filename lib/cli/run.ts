import { CommanderError } from 'commander';
import { describeError } from '../describe-error.js';
import { createProgram } from './create-program.js';
import { maskSecret } from './mask-secret.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

const WRONG_USAGE = 2;

/** Runs the command line with its arguments, and resolves to the exit code. Never rejects. */
export async function run(
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  try {
    await createProgram(terminal).parseAsync(args, { from: 'user' });
    return terminal.exitCode;
  } catch (error) {
    // Commander has printed its message already; --help exits with 0.
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? 0 : WRONG_USAGE;
    }
    if (error instanceof UsageError) {
      terminal.err(`error: ${error.message}\nSee --help for usage.`);
      return WRONG_USAGE;
    }
    const { message, stack } = describeError(error);
    terminal.err(maskSecret(stack ?? message, terminal.env.XENIOO_SECRET));
    return 1;
  }
}
