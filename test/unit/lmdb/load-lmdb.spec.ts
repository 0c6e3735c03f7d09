import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assertFit, loadLmdb } from '../../../lib/lmdb/load-lmdb.js';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { temporaryFolder } from '../../support/lmdb-folder.js';

/** Where a package would be loaded from that says this of itself. */
async function entryOf(manifest?: object): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'dist'));
  if (manifest) {
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  }
  return join(folder, 'dist', 'index.cjs');
}

describe('the package lmdb', () => {
  it('is loaded in version 2', async () => {
    const { resolve } = createRequire(import.meta.url);

    expect((await loadLmdb()).open).toBeTypeOf('function');
    expect(() => assertFit(() => resolve('lmdb'))).not.toThrow();
  });

  it('is refused in version 3, with what to do', async () => {
    const entry = await entryOf({ name: 'lmdb', version: '3.5.6' });

    expect(() => assertFit(() => entry)).toThrow(
      new XeniooInboxError(
        'the LMDB inbox needs lmdb 2, and found 3.5.6, which breaks under load: npm install lmdb@2',
      ),
    );
  });

  it.each<[string, object | undefined]>([
    ['nothing says its version', undefined],
    ['it is part of a bundle', { name: 'my-app', version: '3.0.0' }],
    ['the version is left out', { name: 'lmdb' }],
  ])('is taken as it is where %s', async (_, manifest) => {
    const entry = await entryOf(manifest);

    expect(() => assertFit(() => entry)).not.toThrow();
  });

  it('is taken as it is where it is found nowhere', () => {
    const { resolve } = createRequire(import.meta.url);

    expect(() => assertFit(() => resolve('lmdb-nowhere'))).not.toThrow();
  });
});
