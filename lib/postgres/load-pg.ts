import { createRequire } from 'node:module';
import { describeError } from '../describe-error.js';
import { THIS_FILE } from '../this-file.js';
import { XeniooOptionsError } from '../xenioo.errors.js';

/** The optional package of the PostgreSQL inbox. */
export type Pg = typeof import('pg');

/**
 * Loads the package `pg` of the application.
 * @throws {XeniooOptionsError} when it is missing or its version is not supported
 */
export async function loadPg(): Promise<Pg> {
  const problem = versionProblem(pgVersion());
  if (problem !== undefined) throw new XeniooOptionsError([problem]);
  try {
    // The default export has the getters of the CommonJS module.
    const { default: pg } = (await import('pg')) as unknown as { default: Pg };
    return pg;
  } catch (error) {
    throw new XeniooOptionsError(
      [
        `postgresInbox() needs the package pg, which could not be loaded: ${describeError(error).message}. Run npm install pg@8`,
      ],
      { cause: error },
    );
  }
}

/** Returns a problem if a version is not supported; an unknown version, as in a bundle, is accepted. */
export function versionProblem(
  version: string | undefined,
): string | undefined {
  if (version === undefined || version.startsWith('8.')) return undefined;
  return `postgresInbox() needs pg 8, got ${version}. Run npm install pg@8`;
}

function pgVersion(): string | undefined {
  try {
    const load = createRequire(THIS_FILE);
    return (load('pg/package.json') as { version?: string }).version;
  } catch {
    return undefined;
  }
}
