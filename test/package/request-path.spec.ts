import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';

const run = promisify(execFile);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAX_FILES = 25;

beforeAll(() => run('npx', ['tsc', '-p', 'bench/path'], { cwd: ROOT }));

it.each(['express', 'fastify'])(
  `handles an event in at most ${MAX_FILES} files of lib on %s`,
  async adapter => {
    const { stdout } = await run(
      process.execPath,
      ['bench/path/dist/bench/path/run.js', adapter],
      { cwd: ROOT },
    );

    const files = Number(/^(\d+) files, /m.exec(stdout)![1]);
    expect(files, stdout).toBeGreaterThan(5);
    expect(files, stdout).toBeLessThanOrEqual(MAX_FILES);
  },
);
