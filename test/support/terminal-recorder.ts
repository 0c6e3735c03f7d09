import type { Terminal } from '../../lib/cli/terminal.js';

/** Terminal that records the output of a command. */
export interface RecordedTerminal extends Terminal {
  readonly stdout: () => string;
  readonly stderr: () => string;
}

/** Creates a terminal without a process and colours, and with only this environment. */
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
