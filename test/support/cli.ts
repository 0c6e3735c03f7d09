import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** The command line tool as a process of its own. */
export interface CliProcess {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Its stdin. */
  readonly input: NodeJS.WritableStream;
  /** Its stdout, as it comes. */
  readonly output: Readable;
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
  /** A file that is open, in place of the stdout that is kept. */
  readonly stdout?: number;
}

/** Starts the built tool; it ends with the test. */
export function startCli(
  args: readonly string[],
  { env = {}, node = [], stdout }: CliHost = {},
): CliProcess {
  const child = spawn(process.execPath, [...node, MAIN, ...args], {
    stdio: ['pipe', stdout ?? 'pipe', 'pipe'],
    env,
  }) as ChildProcessWithoutNullStreams;
  onTestFinished(() => void child.kill('SIGKILL'));
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    // There is no stream of a file.
    const stream = child[name] as Readable | null;
    stream?.setEncoding('utf8').on('data', text => (printed[name] += text));
  }
  // It may end before it has read everything.
  child.stdin.on('error', () => {});
  return {
    stdout: () => printed.stdout,
    stderr: () => printed.stderr,
    input: child.stdin,
    output: child.stdout,
    kill: signal => void child.kill(signal),
    closeStdout: () => void child.stdout.destroy(),
    ended: once(child, 'close').then(
      ([code, signal]) => (code ?? signal) as number | NodeJS.Signals,
    ),
  };
}

/** Runs the built tool to its end. Fails where it printed the secret of its environment. */
export async function runCli(args: readonly string[], host?: CliHost) {
  const { input, ended, stdout, stderr } = startCli(args, host);
  input.end();
  const exitCode = await ended;
  const secret = host?.env?.['XENIOO_SECRET'] ?? '';
  // A single character may stand anywhere.
  if (secret.length > 1) expect(stdout() + stderr()).not.toContain(secret);
  return { exitCode, stdout: stdout(), stderr: stderr() };
}
