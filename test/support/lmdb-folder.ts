import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Creates a folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await realpath(
    await mkdtemp(join(tmpdir(), 'nestjs-xenioo-lmdb-')),
  );
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Returns a path at which an inbox can create its folder. It is removed when the test ends. */
export async function inboxPath(): Promise<string> {
  return join(await temporaryFolder(), 'inbox');
}
