import { createRequire } from 'node:module';
import { describeError } from '../describe-error.js';
import { XeniooOptionsError } from '../xenioo.errors.js';

/** The optional package of the PostgreSQL inbox. */
export type Pg = typeof import('pg');

/** @throws {XeniooOptionsError} when the package is missing, or of a version that the inbox can't use */
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
        `postgresInbox() needs the package pg, which could not be loaded (npm install pg@8): ${describeError(error).message}`,
      ],
      { cause: error },
    );
  }
}

/** Returns a sentence where a version is not supported; a bundle has no version to check. */
export function versionProblem(
  version: string | undefined,
): string | undefined {
  if (version === undefined || version.startsWith('8.')) return undefined;
  return `postgresInbox() needs pg 8, found ${version} (npm install pg@8)`;
}

function pgVersion(): string | undefined {
  try {
    const load = createRequire(import.meta.url);
    return (load('pg/package.json') as { version?: string }).version;
  } catch {
    return undefined;
  }
}
