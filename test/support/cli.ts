import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** The command line tool as a process of its own. */
export interface CliProcess {
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Nobody reads stdout any more. */
  readonly closeStdout: () => void;
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** How the tool is run. */
export interface CliHost {
  /** All of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of Node.js. */
  readonly node?: readonly string[];
}

/** Starts the built tool; it ends with the test. */
export function startCli(
  args: readonly string[],
  { env = {}, node = [] }: CliHost = {},
): CliProcess {
  const child = spawn(process.execPath, [...node, MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', text => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', text => (stderr += text));
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    kill: signal => void child.kill(signal),
    closeStdout: () => void child.stdout.destroy(),
    ended: once(child, 'close').then(
      ([code, signal]) => (code ?? signal) as number | NodeJS.Signals,
    ),
  };
}

/** Runs the built tool to its end. */
export async function runCli(args: readonly string[], host?: CliHost) {
  const { ended, stdout, stderr } = startCli(args, host);
  const exitCode = await ended;
  return { exitCode, stdout: stdout(), stderr: stderr() };
}
