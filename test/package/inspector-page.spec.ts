import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

const PAGE = new URL('../../dist/inspector/page/', import.meta.url);

const LICENCES = 'THIRD-PARTY-LICENSES.txt';

describe('the page of the inspector in the build', () => {
  it('has at most 60 KB, compressed', async () => {
    const files = await readdir(fileURLToPath(PAGE));
    const served = files.filter(file => file !== LICENCES);
    const contents = await Promise.all(
      served.map(file => readFile(new URL(file, PAGE))),
    );

    expect(served.toSorted()).toEqual([
      'app.css',
      'app.js',
      'icon.svg',
      'index.html',
    ]);
    const sizes = contents.map(content => gzipSync(content).byteLength);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(60_000);
  });

  it('has the licences of the packages in it', async () => {
    const text = await readFile(new URL(LICENCES, PAGE), 'utf8');

    expect(text.match(/^\S+(?= [\d.]+ \(\S+\)$)/gm)).toEqual([
      '@preact/signals',
      '@preact/signals-core',
      'preact',
      'uplot',
    ]);
  });
});
