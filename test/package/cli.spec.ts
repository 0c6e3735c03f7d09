import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { serve } from '../support/serve.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Lets a process find these packages alone. */
function withOnly(...packages: string[]): string[] {
  const hooks = `
    const found = ${JSON.stringify(packages)};
    export async function resolve(specifier, context, next) {
      if (/^(\\.|\\/|[a-z]+:)/.test(specifier) || found.includes(specifier)) {
        return next(specifier, context);
      }
      throw new Error("Cannot find package '" + specifier + "'");
    }`;
  const preload = `
    import { register } from 'node:module';
    register(${JSON.stringify(asModule(hooks))});`;
  return ['--import', asModule(preload)];
}

function asModule(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

describe('npx nestjs-xenioo', () => {
  it('runs a file that a shell can start', async () => {
    const { bin } = JSON.parse(
      await readFile(`${ROOT}package.json`, 'utf8'),
    ) as { bin: Record<string, string> };

    const script = await readFile(`${ROOT}${bin['nestjs-xenioo']}`, 'utf8');

    expect(script).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  it.each(['send 1', 'simulate --conversations 1 --rate max'])(
    'needs neither Nest nor anything else to %s',
    async line => {
      const { url } = await serve((request, response) => {
        request.resume();
        response.end();
      });

      const { exitCode, stderr } = await runCli(line.split(' '), {
        env: { XENIOO_URL: url, XENIOO_SECRET: 'secret' },
        node: withOnly('commander', 'cli-progress'),
      });

      expect(stderr).not.toContain('Cannot find');
      expect(exitCode).toBe(0);
    },
  );

  it('needs what it depends on', async () => {
    const { stderr } = await runCli(['--version'], { node: withOnly() });

    expect(stderr).toContain("Cannot find package 'commander'");
  });
});
