import { execFileSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export type EngineName = 'redis' | 'postgres';

/** Debian keeps the server's programs out of PATH, a folder for each version. */
const DEBIAN_FOLDER = '/usr/lib/postgresql';

/** Why tests that need the engine are left out, or `undefined` where it is installed. */
export function missingEngine(engine: EngineName): string | undefined {
  const end = process.env['CI'] ? 'fails' : 'is skipped';
  if (engine === 'redis') {
    if (findRedisServer() !== undefined) return undefined;
    return `redis-server is not installed (Debian: apt-get install redis-server): what needs it ${end}`;
  }
  if (findPostgresFolder() !== undefined) return undefined;
  return `PostgreSQL is not installed (Debian: apt-get install postgresql): what needs it ${end}`;
}

/** Where the program `redis-server` is. */
export function findRedisServer(): string | undefined {
  return onPath()
    .map(folder => join(folder, 'redis-server'))
    .find(isProgram);
}

/** The folder with `initdb` and `postgres`. */
export function findPostgresFolder(): string | undefined {
  const holdsServer = (folder: string) =>
    isProgram(join(folder, 'initdb')) && isProgram(join(folder, 'postgres'));
  return (
    [...onPath(), ...debianFolders()].find(holdsServer) ??
    toldByPgConfig().find(holdsServer)
  );
}

function onPath(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
}

function debianFolders(): string[] {
  try {
    return readdirSync(DEBIAN_FOLDER)
      .toSorted((one, other) => Number(other) - Number(one))
      .map(version => join(DEBIAN_FOLDER, version, 'bin'));
  } catch {
    return [];
  }
}

function toldByPgConfig(): string[] {
  try {
    const told = execFileSync('pg_config', ['--bindir'], { stdio: 'pipe' });
    return [told.toString().trim()];
  } catch {
    return [];
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
