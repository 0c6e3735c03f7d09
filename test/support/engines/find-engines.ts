import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export type EngineName = 'redis';

/** Returns the reason for skipping tests that need the engine, or `undefined` if it is installed. */
export function missingEngine(_engine: EngineName): string | undefined {
  if (findRedisServer() !== undefined) return undefined;
  const end = process.env['CI'] ? 'fail' : 'are skipped';
  return `redis-server is not installed (Debian: apt-get install redis-server): the tests that need it ${end}`;
}

/** Returns the path of the program `redis-server`. */
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
