import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assertSupported, loadLmdb } from '../../../lib/lmdb/load-lmdb.js';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { temporaryFolder } from '../../support/lmdb-folder.js';

/** The file from which a package would be loaded that has this manifest. */
async function fileOf(manifest?: object): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'dist'));
  if (manifest) {
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  }
  return join(folder, 'dist', 'index.cjs');
}

describe('the package lmdb', () => {
  it('is loaded in version 2', () => {
    const { lmdb, file } = loadLmdb();

    expect(lmdb.open).toBeTypeOf('function');
    expect(() => assertSupported(file)).not.toThrow();
  });

  it('is refused in version 3, with what to install', async () => {
    const file = await fileOf({ name: 'lmdb', version: '3.5.6' });

    expect(() => assertSupported(file)).toThrow(
      new XeniooInboxError(
        'the LMDB inbox needs lmdb 2, got 3.5.6, which fails under load. Run npm install lmdb@2',
      ),
    );
  });

  it.each<[string, object | undefined]>([
    ['there is no manifest', undefined],
    ['it is part of a bundle', { name: 'my-app', version: '3.0.0' }],
    ['the manifest has no version', { name: 'lmdb' }],
  ])('is accepted where %s', async (_, manifest) => {
    const file = await fileOf(manifest);

    expect(() => assertSupported(file)).not.toThrow();
  });

  it('is asked for where it is not installed, and where a bundle lacks it', async () => {
    const elsewhere = createRequire(join(await temporaryFolder(), 'app.js'));

    expect(() => loadLmdb(elsewhere)).toThrow(
      /^the LMDB inbox needs the package lmdb, .*npm install lmdb@2.*exclude it from bundles/s,
    );
  });

  it('is to be kept out of the bundle where webpack has bundled it', () => {
    // webpack replaces `require.resolve()` by the number of the module.
    const bundled = Object.assign(createRequire(import.meta.url), {
      resolve: () => 123,
    });

    expect(() => loadLmdb(bundled as unknown as NodeJS.Require)).toThrow(
      /it is part of a bundle\. .*exclude it from bundles \(`externals` of webpack/,
    );
  });
});
