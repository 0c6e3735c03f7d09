import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

interface Entry {
  readonly pid: number;
  readonly parent: number;
  /** Letter that `ps` shows. */
  readonly state: string;
}

/** Lists a process and its descendants. A process group would not do: PostgreSQL puts each child into its own group. */
export function familyOf(pid: number): number[] {
  const entries = running();
  const family = entries.some(entry => entry.pid === pid) ? [pid] : [];
  // The loop also meets what it appends.
  for (const member of family) {
    const children = entries.filter(({ parent }) => parent === member);
    family.push(...children.map(child => child.pid));
  }
  return family;
}

/** Returns whether a process exists and has not ended. */
export function isAlive(pid: number): boolean {
  return running().some(entry => entry.pid === pid);
}

/** Returns whether a process is stopped or has ended. */
export function isStill(pid: number): boolean {
  const entry = running().find(entry => entry.pid === pid);
  return entry === undefined || entry.state.startsWith('T');
}

/** Sends a signal, unless the process has ended. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Lists the processes without zombies, which hold no resources. */
function running(): Entry[] {
  const entries = existsSync('/proc/self/stat') ? fromProc() : fromPs();
  return entries.filter(({ state }) => !/^[ZX]/.test(state));
}

function fromProc(): Entry[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        // The program name is in parentheses, and may contain parentheses.
        const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const [state = '', parent] = rest;
        return [{ pid: Number(name), parent: Number(parent), state }];
      } catch {
        // It ended while the list was read.
        return [];
      }
    });
}

function fromPs(): Entry[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,state='])
    .toString()
    .trim()
    .split('\n')
    .map(line => {
      const [pid, parent, state = ''] = line.trim().split(/\s+/);
      return { pid: Number(pid), parent: Number(parent), state };
    });
}
