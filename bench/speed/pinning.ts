import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const SERVER_CORE = '0';
const LOAD_CORE = '1';

/** True if servers and the load generator each get a core. */
export const isPinned =
  availableParallelism() > 1 &&
  taskset('-c', SERVER_CORE, 'true') &&
  taskset('-c', LOAD_CORE, 'true');

/** Keeps this process and its threads off the servers' core. */
export function pinLoad(): void {
  if (isPinned) taskset('-acp', LOAD_CORE, String(process.pid));
}

/** Returns the options with which `fork` starts Node.js on the servers' core. */
export function pinnedFork(nodeOptions: readonly string[] = []): {
  execPath: string;
  execArgv: string[];
} {
  return isPinned
    ? {
        execPath: 'taskset',
        execArgv: ['-c', SERVER_CORE, process.execPath, ...nodeOptions],
      }
    : { execPath: process.execPath, execArgv: [...nodeOptions] };
}

function taskset(...args: string[]): boolean {
  return spawnSync('taskset', args, { stdio: 'ignore' }).status === 0;
}
