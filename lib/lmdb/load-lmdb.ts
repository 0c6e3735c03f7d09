import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describeError } from '../describe-error.js';
import { XeniooInboxError } from '../xenioo.errors.js';

/**
 * lmdb 3 keeps the list of free pages in a way of its own. Under a flood of calls
 * (`npm run bench:memory -- --events 10000000`) it breaks now and then: commits
 * fail with “reserved freelist had a data entry with zero-size”, and the process
 * ends. Seen with 3.5.6; reports of the kind are
 * https://github.com/kriszyp/lmdb-js/issues/321 and
 * https://github.com/HarperFast/harper/issues/685.
 */
const FIT = /^2\./;

/** @throws {XeniooInboxError} when it is not there, or in a version that breaks */
export async function loadLmdb(): Promise<typeof import('lmdb')> {
  const lmdb = await importLmdb();
  assertFit(() => createRequire(import.meta.url).resolve('lmdb'));
  return lmdb;
}

async function importLmdb(): Promise<typeof import('lmdb')> {
  try {
    return await import('lmdb');
  } catch (error) {
    throw new XeniooInboxError(
      `the LMDB inbox needs the package lmdb, which could not be loaded (npm install lmdb@2): ${describeError(error).message}`,
      { cause: error },
    );
  }
}

/**
 * @param entry tells the file that lmdb is loaded from, in its folder `dist`
 * @throws {XeniooInboxError} when that is of another version; where a bundler has moved it, nothing tells
 */
export function assertFit(entry: () => string): void {
  const version = versionAt(entry);
  if (version === undefined || FIT.test(version)) return;
  throw new XeniooInboxError(
    `the LMDB inbox needs lmdb 2, and found ${version}, which breaks under load: npm install lmdb@2`,
  );
}

function versionAt(entry: () => string): string | undefined {
  try {
    const file = join(dirname(entry()), '..', 'package.json');
    const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as {
      name?: string;
      version?: string;
    };
    return name === 'lmdb' ? version : undefined;
  } catch {
    return undefined;
  }
}
