import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Disk that a test can fill. */
export interface SmallDisk {
  readonly path: string;
  /** Fills the disk to the last byte. */
  fill(): void;
  /** Frees the space that {@link fill} used. */
  free(): void;
  makeReadOnly(): void;
}

const SIZE = '4m';

/** True if small disks can be created. They must be in CI. */
export const hasSmallDisks = process.env['CI'] === 'true' || canMount();

/** Suffix of test titles with the reason for skipping tests of full disks. */
export const NO_SMALL_DISKS = hasSmallDisks
  ? ''
  : ' (skipped: only root, or a user with `sudo mount`, can create a small disk)';

/** Creates a disk in memory, which is removed when the test ends. */
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
