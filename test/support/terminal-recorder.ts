import type { Terminal } from '../../lib/cli/terminal.js';

/** A terminal that keeps what a command prints. */
export interface RecordedTerminal extends Terminal {
  readonly stdout: () => string;
  readonly stderr: () => string;
}

/** A terminal of nobody: no process, no colours, this environment alone. */
export function recordTerminal(
  env: Record<string, string> = {},
): RecordedTerminal {
  let stdout = '';
  let stderr = '';
  return {
    out: text => void (stdout += text.endsWith('\n') ? text : `${text}\n`),
    flush: async text => void (stdout += text),
    err: text => void (stderr += text.endsWith('\n') ? text : `${text}\n`),
    stdout: () => stdout,
    stderr: () => stderr,
    isInteractive: false,
    progress: process.stderr,
    hasColors: false,
    columns: 80,
    env,
    signal: new AbortController().signal,
    exitCode: 0,
  };
}
