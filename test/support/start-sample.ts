import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import { WAIT_OPTIONS } from './wait-options.js';

const SAMPLES = fileURLToPath(new URL('../../sample', import.meta.url));

/** Starts the build of a sample on a free port and returns the URL of its webhook. It is killed when the test ends. */
export async function startSample(
  name: string,
  environment: Record<string, string> = {},
): Promise<string> {
  const sample = spawn(process.execPath, ['dist/main.js'], {
    cwd: `${SAMPLES}/${name}`,
    env: { ...process.env, PORT: '0', NO_COLOR: '1', ...environment },
  });
  const ended = once(sample, 'close');
  onTestFinished(async () => {
    sample.kill('SIGKILL');
    await ended;
  });
  let printed = '';
  for (const stream of [sample.stdout, sample.stderr]) {
    stream.setEncoding('utf8').on('data', text => (printed += text));
  }
  return vi.waitFor(() => {
    const [origin] = /http:\/\/127\.0\.0\.1:\d+/.exec(printed) ?? [];
    if (!origin) throw new Error(`${name} printed no URL: ${printed}`);
    return `${origin}/xenioo/webhook`;
  }, WAIT_OPTIONS);
}
