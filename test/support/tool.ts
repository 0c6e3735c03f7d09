import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, vi } from 'vitest';
import { XeniooSender } from '../../lib/testing/index.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** What no output and no file may hold. */
export const SECRET = 'the-s3cret-of-Ada';

/** The built tool, as a process of its own. */
export interface Tool {
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly output: Readable;
  readonly input: NodeJS.WritableStream;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Its exit code, or the signal that ended it. Fails where the secret was printed. */
  readonly ended: () => Promise<number | NodeJS.Signals>;
}

/** Starts the built tool, which knows the secret; it ends with the test. */
export function startTool(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  stdout: number | 'pipe' = 'pipe',
): Tool {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['pipe', stdout, 'pipe'],
    env: { XENIOO_SECRET: SECRET, ...env },
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
  const closed = once(child, 'close');
  return {
    stdout: () => printed.stdout,
    stderr: () => printed.stderr,
    output: child.stdout,
    input: child.stdin,
    kill: signal => void child.kill(signal),
    async ended() {
      const [code, signal] = await closed;
      expect(printed.stdout + printed.stderr).not.toContain(SECRET);
      return (code ?? signal) as number | NodeJS.Signals;
    },
  };
}

/** Runs the built tool to its end. */
export async function runTool(
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
) {
  const tool = startTool(args, env);
  tool.input.end();
  const exitCode = await tool.ended();
  return { exitCode, stdout: tool.stdout(), stderr: tool.stderr() };
}

/** A `record` that listens, on a free port. */
export interface Recorder extends Tool {
  readonly url: string;
  readonly sender: XeniooSender;
  /** Ends it as Ctrl-C does. */
  readonly stop: () => Promise<number | NodeJS.Signals>;
}

/** Starts `record`, and waits until it listens. */
export function startRecorder(...args: readonly string[]): Promise<Recorder> {
  return listening(startTool(['record', '--port', '0', ...args]));
}

/** The same, with stdout in a file that is open. */
export function startRecorderTo(file: number): Promise<Recorder> {
  return listening(startTool(['record', '--port', '0'], {}, file));
}

async function listening(tool: Tool): Promise<Recorder> {
  const url = await vi.waitUntil(
    () => /Recording at (http:\S+);/.exec(tool.stderr())?.[1],
    { timeout: 20_000 },
  );
  const sender = new XeniooSender({ url, secret: SECRET, failures: 'ignore' });
  onTestFinished(() => sender.close());
  return {
    ...tool,
    url,
    sender,
    stop() {
      tool.kill('SIGINT');
      return tool.ended();
    },
  };
}

/** A folder that is gone when the test ends. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-recording-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

interface Line {
  readonly contentType: string | null;
  readonly body?: unknown;
  readonly text?: string;
}

/** The lines of a recording. */
export async function readRecording(path: string): Promise<Line[]> {
  const text = await readFile(path, 'utf8');
  expect(text).not.toContain(SECRET);
  return linesOf(text);
}

/** The same of a text, each line of which must be whole. */
export function linesOf(text: string): Line[] {
  expect(text).toMatch(/^$|\n$/);
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as Line);
}
