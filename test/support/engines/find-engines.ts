import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export type EngineName = 'redis' | 'postgres' | 'pgbouncer';

/** Debian keeps the programs of each version in a folder of its own, outside of PATH. */
const DEBIAN_POSTGRES = '/usr/lib/postgresql';

/** Returns the reason for skipping tests that need the engine, or `undefined` if it is installed. */
export function missingEngine(engine: EngineName): string | undefined {
  const [program, found] = {
    redis: ['redis-server', findRedisServer] as const,
    postgres: ['postgresql', findPostgres] as const,
    pgbouncer: ['pgbouncer', findPgbouncer] as const,
  }[engine];
  if (found() !== undefined) return undefined;
  const end = process.env['CI'] ? 'fail' : 'are skipped';
  return `${program} is not installed (Debian: apt-get install ${program}): the tests that need it ${end}`;
}

/** Returns the path of the program `redis-server`. */
export function findRedisServer(): string | undefined {
  return findProgram('redis-server', pathFolders());
}

/** Returns the path of the program `pgbouncer`, which Debian keeps outside of the PATH of most users. */
export function findPgbouncer(): string | undefined {
  return findProgram('pgbouncer', [...pathFolders(), '/usr/sbin']);
}

/** The folder of the programs `postgres` and `initdb`: that of the environment variable `POSTGRES_BIN`, or of the newest version. */
export function findPostgres(): string | undefined {
  const given = process.env['POSTGRES_BIN'];
  const versions = existsSync(DEBIAN_POSTGRES)
    ? readdirSync(DEBIAN_POSTGRES)
    : [];
  const folders = versions
    .toSorted((one, other) => Number(other) - Number(one))
    .map(version => join(DEBIAN_POSTGRES, version, 'bin'));
  const searched = given ? [given] : [...pathFolders(), ...folders];
  return searched.find(
    folder =>
      isProgram(join(folder, 'postgres')) && isProgram(join(folder, 'initdb')),
  );
}

function pathFolders(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
}

function findProgram(
  name: string,
  folders: readonly string[],
): string | undefined {
  return folders.map(folder => join(folder, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
