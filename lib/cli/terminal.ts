import { fstatSync, writeFileSync } from 'node:fs';

/** Streams, environment and signals of the process. */
export interface Terminal {
  /** Prints a result to stdout; a missing line break is added. */
  out(text: string): void;
  /** Writes text to stdout; resolves when it is written, and rejects when writing fails. */
  flush(text: string): Promise<void>;
  /** Prints a message to stderr; a missing line break is added. */
  err(text: string): void;
  /** True if stderr is a terminal that can show a progress bar. */
  readonly isInteractive: boolean;
  /** Stream of the progress bar. */
  readonly progress: NodeJS.WritableStream;
  /** True if stdout shows colors; stderr is never colored. */
  readonly hasColors: boolean;
  /** Width of stderr in columns. */
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C or when stdout is closed; the command then stops and prints its report. */
  readonly signal: AbortSignal;
  /** Exit code of the process. @default 0 */
  exitCode: number;
}

/** Creates the terminal of this process, which listens for Ctrl-C and for a closed stdout. */
export function createTerminal(host: NodeJS.Process): Terminal {
  const { stdout, stderr, env } = host;
  const stop = new AbortController();
  // Only once, so that a second Ctrl-C ends the process as usual.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    host.once(signal, () => stop.abort());
  }
  const terminal: Terminal = {
    out: text => void stdout.write(asLines(text)),
    flush: text => flush(stdout, text),
    err: text => void stderr.write(asLines(text)),
    isInteractive: stderr.isTTY && env.TERM !== 'dumb' && !env.CI,
    progress: stderr,
    hasColors: stdout.isTTY && stdout.hasColors() && !env.NO_COLOR,
    // The width may be 0, as in a container.
    columns: stderr.columns || 80,
    env,
    signal: stop.signal,
    exitCode: 0,
  };
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    stop.abort();
    if (error.code === 'EPIPE') return;
    terminal.exitCode = 1;
    host.exitCode = 1;
    terminal.err(`Cannot write to stdout: ${error.message}`);
  });
  stderr.on('error', () => {});
  return terminal;
}

async function flush(
  stdout: NodeJS.WriteStream & { fd: number },
  text: string,
): Promise<void> {
  // A file stream would report a partial write as complete.
  if (fstatSync(stdout.fd).isFile()) return writeFileSync(stdout.fd, text);
  await new Promise<void>((resolve, reject) => {
    stdout.write(text, error => (error ? reject(error) : resolve()));
  });
}

function asLines(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
