import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { serve } from '../support/serve.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const HOOKS = `
  export async function resolve(specifier, context, next) {
    if (/^(\\.|\\/|[a-z]+:)/.test(specifier)) return next(specifier, context);
    throw new Error("Cannot find package '" + specifier + "'");
  }`;

/** Node.js options with which a process finds no package. */
const NO_PACKAGES = [
  '--import',
  asModule(`
    import { register } from 'node:module';
    register(${JSON.stringify(asModule(HOOKS))});`),
];

function asModule(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

describe('npx nestjs-xenioo', () => {
  it('starts from a shell', async () => {
    const { bin } = JSON.parse(
      await readFile(`${ROOT}package.json`, 'utf8'),
    ) as { bin: Record<string, string> };

    const script = await readFile(`${ROOT}${bin['nestjs-xenioo']}`, 'utf8');

    expect(script).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  it.each(['send 1', 'simulate --conversations 1 --rate max'])(
    'needs no other package to %s',
    async line => {
      const { url } = await serve((request, response) => {
        request.resume();
        response.end();
      });

      const { exitCode, stderr } = await runCli(line.split(' '), {
        env: { XENIOO_URL: url, XENIOO_SECRET: 'secret' },
        node: NO_PACKAGES,
      });

      expect(stderr).not.toContain('Cannot find');
      expect(exitCode).toBe(0);
    },
  );

  it('includes the licences of the bundled packages', async () => {
    const licences = await readFile(
      `${ROOT}dist/cli/THIRD-PARTY-LICENSES.txt`,
      'utf8',
    );

    expect(licences).toMatch(/^@babel\/parser \S+ \(MIT\)$/m);
    expect(licences).toMatch(/^commander \S+ \(MIT\)$/m);
    expect(licences).toMatch(/^cli-progress \S+ \(MIT\)$/m);
  });
});
