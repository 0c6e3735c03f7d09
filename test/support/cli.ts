import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Running process of the command line tool. */
export interface CliProcess {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Stdin of the process. */
  readonly input: NodeJS.WritableStream;
  /** Stdout of the process as a stream. */
  readonly output: Readable;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Closes the reading end of stdout. */
  readonly closeStdout: () => void;
  /** Exit code, or the signal that ended the process. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** Surroundings of the process. */
export interface CliHost {
  /** Complete environment of the process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of Node.js. */
  readonly node?: readonly string[];
  /** Descriptor of an open file that gets stdout. */
  readonly stdout?: number;
  /** Folder of the process. */
  readonly cwd?: string;
}

/** Starts the built tool. It is killed when the test ends. */
export function startCli(
  args: readonly string[],
  { env = {}, node = [], stdout, cwd }: CliHost = {},
): CliProcess {
  const child = spawn(process.execPath, [...node, MAIN, ...args], {
    stdio: ['pipe', stdout ?? 'pipe', 'pipe'],
    env,
    cwd,
  }) as ChildProcessWithoutNullStreams;
  onTestFinished(() => void child.kill('SIGKILL'));
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    // A file has no stream.
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

/** Runs the built tool until it exits. Fails if it printed the secret of its environment. */
export async function runCli(args: readonly string[], host?: CliHost) {
  const { input, ended, stdout, stderr } = startCli(args, host);
  input.end();
  const exitCode = await ended;
  const secret = host?.env?.['XENIOO_SECRET'] ?? '';
  // A single character may appear in any output.
  if (secret.length > 1) expect(stdout() + stderr()).not.toContain(secret);
  return { exitCode, stdout: stdout(), stderr: stderr() };
}
