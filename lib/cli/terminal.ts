import { fstatSync, writeFileSync } from 'node:fs';

/** What a command sees of the process around it. */
export interface Terminal {
  /** Prints a result to stdout; a missing line break is added. */
  out(text: string): void;
  /** Prints a result to stdout as it is; resolves when it is out, and rejects when it can't be. */
  flush(text: string): Promise<void>;
  /** Prints progress or a remark to stderr; a missing line break is added. */
  err(text: string): void;
  /** Whether somebody looks at stderr as it is written: only then is a progress bar of use. */
  readonly isInteractive: boolean;
  /** Where a progress bar is drawn. */
  readonly progress: NodeJS.WritableStream;
  /** Whether stdout shows colours; stderr is never coloured. */
  readonly hasColors: boolean;
  /** Columns of what stderr is shown on. */
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C, or when nobody reads stdout any more: end, and tell what was done. */
  readonly signal: AbortSignal;
  /** What the process ends with; a command sets 1 when the webhook did not answer as Xenioo expects. @default 0 */
  exitCode: number;
}

/** The terminal of this process. It listens for Ctrl-C and for pipes that are closed early. */
export function createTerminal(host: NodeJS.Process): Terminal {
  const { stdout, stderr, env } = host;
  const stop = new AbortController();
  // Once: whoever presses Ctrl-C again wants an end at once, which is what Node then does.
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
    // A terminal without a size, as in a container or a log, has 0.
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
    terminal.err(`The result can't be written: ${error.message}`);
  });
  // There is nobody left to tell.
  stderr.on('error', () => {});
  return terminal;
}

async function flush(
  stdout: NodeJS.WriteStream & { fd: number },
  text: string,
): Promise<void> {
  // Node's own stream of a file takes a part that is written for the whole.
  if (fstatSync(stdout.fd).isFile()) return writeFileSync(stdout.fd, text);
  await new Promise<void>((resolve, reject) => {
    stdout.write(text, error => (error ? reject(error) : resolve()));
  });
}

function asLines(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
