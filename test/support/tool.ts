import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { XeniooSender } from '../../lib/testing/index.js';
import { SECRET } from './cli-webhook.js';
import { startCli, type CliHost, type CliProcess } from './cli.js';
import { WAIT_OPTIONS } from './wait-options.js';

/** Running process of the built tool, with the secret in its environment. */
export interface Tool extends Omit<CliProcess, 'ended'> {
  /** Resolves with the exit code or the signal. Fails if the secret was printed. */
  readonly ended: () => Promise<number | NodeJS.Signals>;
}

/** Starts the built tool with the secret in its environment. It is killed when the test ends. */
export function startTool(
  args: readonly string[],
  { env, ...host }: CliHost = {},
): Tool {
  const cli = startCli(args, {
    env: { XENIOO_SECRET: SECRET, ...env },
    ...host,
  });
  return {
    ...cli,
    async ended() {
      const end = await cli.ended;
      expect(cli.stdout() + cli.stderr()).not.toContain(SECRET);
      return end;
    },
  };
}

/** Runs the built tool until it exits. */
export async function runTool(args: readonly string[], host?: CliHost) {
  const tool = startTool(args, host);
  tool.input.end();
  const exitCode = await tool.ended();
  return { exitCode, stdout: tool.stdout(), stderr: tool.stderr() };
}

/** Listening process of `record`. */
export interface Recorder extends Tool {
  readonly url: string;
  readonly sender: XeniooSender;
  /** Stops the process as Ctrl-C does. */
  readonly stop: () => Promise<number | NodeJS.Signals>;
}

/** Starts `record` on a free port and waits until it listens. */
export function startRecorder(...args: readonly string[]): Promise<Recorder> {
  return listening(startTool(['record', '--port', '0', ...args]));
}

/** Starts `record` with an open file as stdout. */
export function startRecorderTo(file: number): Promise<Recorder> {
  return listening(startTool(['record', '--port', '0'], { stdout: file }));
}

async function listening(tool: Tool): Promise<Recorder> {
  const url = await vi.waitUntil(
    () => /Recording at (http:\S+)\. Press/.exec(tool.stderr())?.[1],
    WAIT_OPTIONS,
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

/** Creates a folder that is removed when the test ends. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-recording-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

interface Line {
  readonly contentType: string | null;
  readonly body: string;
}

/** Reads the lines of a recording. */
export async function readRecording(path: string): Promise<Line[]> {
  const text = await readFile(path, 'utf8');
  expect(text).not.toContain(SECRET);
  return linesOf(text);
}

/** Parses the lines of a recording, all of them complete. */
export function linesOf(text: string): Line[] {
  expect(text).toMatch(/^$|\n$/);
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as Line);
}
