import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describeError } from '../describe-error.js';
import { THIS_FILE } from '../this-file.js';
import { XeniooInboxError } from '../xenioo.errors.js';

/**
 * Version 3 stores its list of free pages in another form, which can break under heavy
 * load (`npm run bench:memory -- --events 10000000`): commits fail with “reserved freelist had a data entry with zero-size”, and the process
 * ends. Seen with 3.5.6; similar reports are
 * https://github.com/kriszyp/lmdb-js/issues/321 and
 * https://github.com/HarperFast/harper/issues/685.
 */
const SUPPORTED = /^2\./;

export interface LoadedLmdb {
  readonly lmdb: typeof import('lmdb');
  /** Path from which a child process can load it. */
  readonly file: string;
}

/**
 * Loads the package `lmdb` of the application.
 * @throws {XeniooInboxError} when it is missing or its version is not supported
 */
export function loadLmdb(require = createRequire(THIS_FILE)): LoadedLmdb {
  try {
    const file: unknown = require.resolve('lmdb');
    // Bundlers replace the path with the number of a module.
    if (typeof file !== 'string') throw new Error('it is part of a bundle');
    assertSupported(file);
    return { file, lmdb: require('lmdb') as typeof import('lmdb') };
  } catch (error) {
    if (error instanceof XeniooInboxError) throw error;
    throw new XeniooInboxError(
      `the LMDB inbox needs the package lmdb, which could not be loaded: ${describeError(error).message.replace(/\.$/, '')}. If it is missing, install it where the application runs: npm install lmdb@2. If the application is bundled, exclude it from the bundle (\`externals\` of webpack, \`external\` of esbuild and Rollup). If Node.js runs with restrictions, such as --permission, remove those that the reason names`,
      { cause: error },
    );
  }
}

/**
 * Checks the version of the package that a file in its folder `dist` belongs to. An
 * unknown version is accepted.
 * @throws {XeniooInboxError} when the version is not supported
 */
export function assertSupported(file: string): void {
  const version = versionOf(file);
  if (version === undefined || SUPPORTED.test(version)) return;
  throw new XeniooInboxError(
    `the LMDB inbox needs lmdb 2, got ${version}, which fails under load. Run npm install lmdb@2`,
  );
}

function versionOf(file: string): string | undefined {
  try {
    const manifest = join(dirname(file), '..', 'package.json');
    const { name, version } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      name?: string;
      version?: string;
    };
    return name === 'lmdb' ? version : undefined;
  } catch {
    return undefined;
  }
}
