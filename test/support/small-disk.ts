import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A disk that a test can fill. */
export interface SmallDisk {
  readonly path: string;
  /** Leaves no byte free. */
  fill(): void;
  /** Gives back what {@link fill} took. */
  free(): void;
  makeReadOnly(): void;
}

const SIZE = '4m';

/** Whether disks can be made here. In CI they must be. */
export const hasSmallDisks = process.env['CI'] === 'true' || canMount();

/** Why tests of full disks are left out. */
export const NO_SMALL_DISKS = hasSmallDisks
  ? ''
  : ' (left out: only root, or who may `sudo mount`, can make a small disk)';

/** Makes a disk in memory, gone when the test ends. */
export function makeSmallDisk(): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'nestjs-xenioo-disk-'));
  onTestFinished(() => {
    asRoot('umount', ['--lazy', path]);
    rmSync(path, { recursive: true });
  });
  mount(path);
  const filler = join(path, 'filler');
  return {
    path,
    fill() {
      const file = openSync(filler, 'w');
      try {
        for (const size of [65_536, 4_096]) writeUntilFull(file, size);
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler),
    makeReadOnly: () => asRoot('mount', ['-o', 'remount,ro', path]),
  };
}

function writeUntilFull(file: number, size: number): void {
  const bytes = Buffer.alloc(size, 1);
  try {
    while (writeSync(file, bytes) === size);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

function mount(path: string): void {
  const mode = `size=${SIZE},mode=0777`;
  asRoot('mount', ['-t', 'tmpfs', '-o', mode, 'tmpfs', path]);
}

function asRoot(command: string, values: readonly string[]): void {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) execFileSync(command, values, { stdio: 'pipe' });
  else execFileSync('sudo', ['-n', command, ...values], { stdio: 'pipe' });
}

function canMount(): boolean {
  if (process.platform !== 'linux') return false;
  const path = mkdtempSync(join(tmpdir(), 'nestjs-xenioo-disk-'));
  try {
    mount(path);
    asRoot('umount', [path]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}
