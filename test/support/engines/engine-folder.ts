import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where an engine keeps its files. */
export interface EngineFolder {
  readonly path: string;
  /** Whether it goes with the engine. */
  readonly isTemporary: boolean;
}

/** A fresh temporary folder, or the one that the caller names and keeps. */
export async function engineFolder(path?: string): Promise<EngineFolder> {
  if (path !== undefined) {
    return { path: await realpath(path), isTemporary: false };
  }
  const made = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-engine-'));
  return { path: await realpath(made), isTemporary: true };
}
