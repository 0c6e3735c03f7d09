import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder of the test's own, gone when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await realpath(
    await mkdtemp(join(tmpdir(), 'nestjs-xenioo-lmdb-')),
  );
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Where an inbox may make its folder; gone when the test ends. */
export async function inboxPath(): Promise<string> {
  return join(await temporaryFolder(), 'inbox');
}
