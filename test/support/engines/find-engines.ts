import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export type EngineName = 'redis';

/** Why tests that need the engine are left out, or `undefined` where it is installed. */
export function missingEngine(_engine: EngineName): string | undefined {
  if (findRedisServer() !== undefined) return undefined;
  const end = process.env['CI'] ? 'fails' : 'is skipped';
  return `redis-server is not installed (Debian: apt-get install redis-server): what needs it ${end}`;
}

/** Where the program `redis-server` is. */
export function findRedisServer(): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map(folder => join(folder, 'redis-server'))
    .find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
