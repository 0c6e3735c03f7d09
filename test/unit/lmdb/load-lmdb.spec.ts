import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assertSupported, loadLmdb } from '../../../lib/lmdb/load-lmdb.js';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { temporaryFolder } from '../../support/lmdb-folder.js';

/** Creates a package with this manifest and returns the path of its main file. */
async function createPackage(manifest?: object): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'dist'));
  if (manifest) {
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  }
  return join(folder, 'dist', 'index.cjs');
}

describe('loadLmdb()', () => {
  it('loads version 2', () => {
    const { lmdb, file } = loadLmdb();

    expect(lmdb.open).toBeTypeOf('function');
    expect(() => assertSupported(file)).not.toThrow();
  });

  it('rejects version 3 and names the version to install', async () => {
    const file = await createPackage({ name: 'lmdb', version: '3.5.6' });

    expect(() => assertSupported(file)).toThrow(
      new XeniooInboxError(
        'the LMDB inbox needs lmdb 2, got 3.5.6, which fails under load. Run npm install lmdb@2',
      ),
    );
  });

  it.each<[string, object | undefined]>([
    ['it has no manifest', undefined],
    ['it is part of a bundle', { name: 'my-app', version: '3.0.0' }],
    ['its manifest has no version', { name: 'lmdb' }],
  ])('accepts the package if %s', async (_, manifest) => {
    const file = await createPackage(manifest);

    expect(() => assertSupported(file)).not.toThrow();
  });

  it('explains how to install a missing package and how to exclude it from bundles', async () => {
    const elsewhere = createRequire(join(await temporaryFolder(), 'app.js'));

    expect(() => loadLmdb(elsewhere)).toThrow(
      /^the LMDB inbox needs the package lmdb, .*npm install lmdb@2.*exclude it from the bundle/s,
    );
  });

  it('explains how to exclude the package when webpack has bundled it', () => {
    // webpack replaces `require.resolve()` with the number of the module.
    const bundled = Object.assign(createRequire(import.meta.url), {
      resolve: () => 123,
    });

    expect(() => loadLmdb(bundled as unknown as NodeJS.Require)).toThrow(
      /it is part of a bundle\. .*exclude it from the bundle \(`externals` of webpack/,
    );
  });

  it('advises to install the package only if it is missing, under a restriction of Node.js', async () => {
    const file = createRequire(import.meta.url).resolve('lmdb');
    const script = `require(${JSON.stringify(file)})`;
    const flag = '--disallow-code-generation-from-strings';
    const reason = spawnSync(process.execPath, [flag, '--eval', script])
      .stderr.toString()
      .match(/EvalError: (.*)/)![1]!;
    const restricted = Object.assign(
      () => {
        throw new EvalError(`${reason}.`);
      },
      { resolve: () => file },
    );

    expect(() => loadLmdb(restricted as unknown as NodeJS.Require)).toThrow(
      `could not be loaded: ${reason}. If it is missing, install it`,
    );
  });
});
