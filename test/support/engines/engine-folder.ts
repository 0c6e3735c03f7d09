import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Folder for the files of an engine. */
export interface EngineFolder {
  readonly path: string;
  /** True if it is removed when the engine stops. */
  readonly isTemporary: boolean;
}

/** Creates a temporary folder, or uses the existing one at `path`, which is kept. */
export async function engineFolder(path?: string): Promise<EngineFolder> {
  if (path !== undefined) {
    return { path: await realpath(path), isTemporary: false };
  }
  const made = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-engine-'));
  return { path: await realpath(made), isTemporary: true };
}
