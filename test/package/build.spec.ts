import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const ENTRIES = [
  'index.js',
  'inbox/index.js',
  'bullmq/index.js',
  'inspector/index.js',
  'lmdb/index.js',
  'postgres/index.js',
  'opentelemetry/index.js',
  'terminus/index.js',
  'testing/index.js',
  'cli/main.js',
  'cli/init.js',
];

/** Runs a script in a fresh process, as a host would load the built package. */
async function node(script: string): Promise<unknown> {
  const { stdout } = await run(process.execPath, [
    '--input-type=module',
    '--eval',
    script,
  ]);
  return JSON.parse(stdout);
}

/** Lists the files of the build that an entry loads, including dynamic imports with `ALL_IMPORTS`. */
async function filesOf(
  entry: string,
  imported: RegExp,
  seen = new Set<string>(),
): Promise<Set<string>> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  const code = await readFile(join(DIST, entry), 'utf8');
  const text = code.replaceAll(/\/\*[^]*?\*\//g, '');
  for (const [, name] of text.matchAll(imported)) {
    await filesOf(join(dirname(entry), name!), imported, seen);
  }
  return seen;
}

const STATIC_IMPORTS = /^(?:import|export) (?:.* from )?"(\.[^"]+)"/gm;
const ALL_IMPORTS =
  /(?:^(?:import|export) (?:.* from )?|\bimport\()"(\.[^"]+)"/gm;

describe('the build', () => {
  it.each(ENTRIES)('loads at most three files for %s', async entry => {
    const { size } = await filesOf(entry, STATIC_IMPORTS);

    expect(size).toBeLessThanOrEqual(3);
  });

  it('contains no file that no entry loads', async () => {
    const loaded = new Set<string>();
    for (const entry of ENTRIES) await filesOf(entry, ALL_IMPORTS, loaded);

    const files = await readdir(DIST, { recursive: true });

    const scripts = files.filter(
      file => file.endsWith('.js') && !file.startsWith('inspector/page/'),
    );

    expect(scripts.toSorted()).toEqual([...loaded].toSorted());
  });

  it('exports the same class from every entry', async () => {
    const areSame = await node(`
      import { XeniooInbox, XeniooInboxError } from 'nestjs-xenioo';
      import * as forInboxes from 'nestjs-xenioo/inbox';
      import { BullmqInbox } from 'nestjs-xenioo/bullmq';
      import { LmdbInbox } from 'nestjs-xenioo/lmdb';
      const error = await LmdbInbox.open(
        { path: '/dev/null/inbox', deadLetterRetentionDays: 90 },
        { concurrency: 8, dedupe: false, acceptTimeoutMs: 5_000 },
      ).catch(error => error);
      console.log(JSON.stringify([
        LmdbInbox.prototype instanceof XeniooInbox,
        BullmqInbox.prototype instanceof XeniooInbox,
        forInboxes.XeniooInbox === XeniooInbox,
        error instanceof XeniooInboxError ? 'XeniooInboxError' : error.name,
      ]));`);

    expect(areSame).toEqual([true, true, true, 'XeniooInboxError']);
  });

  it('keeps the names of classes', async () => {
    const names = await node(`
      import * as xenioo from 'nestjs-xenioo';
      const isClass = value => /^class\\b/.test(String(value));
      console.log(JSON.stringify(
        Object.entries(xenioo)
          .filter(([, value]) => isClass(value))
          .map(([exported, { name }]) => [exported, name]),
      ));`);

    expect(names).toContainEqual(['XeniooModule', 'XeniooModule']);
    for (const [exported, name] of names as [string, string][]) {
      expect(name).toBe(exported);
    }
  });
});
