import { open } from 'lmdb';
import { join } from 'node:path';

/** Fields that stored tasks and stored dead letters share. */
interface StoredRow {
  readonly handler?: string;
  readonly entry: { readonly raw: { readonly number: number } };
}

/** Handler runs in a folder, such as `keep 7`. */
export interface FolderRuns {
  /** Runs whose result is not recorded. */
  readonly unrecorded: readonly string[];
  readonly deadLetters: readonly string[];
}

/** Reads the folder of an inbox whose processes are stopped or dead. */
export async function readFolder(folder: string): Promise<FolderRuns> {
  const root = open<string, string>({
    path: join(folder, 'inbox.mdb'),
    encoding: 'string',
    maxDbs: 16,
    // A stopped process may hold the write lock.
    readOnly: true,
    // Same as in the servers: another setting makes lmdb return to an earlier commit.
    overlappingSync: false,
  });
  const runsIn = (name: string, useVersions = false) =>
    [...root.openDB({ name, useVersions }).getRange({})].flatMap(
      // A stored dead letter begins with its place in the list.
      ({ value }) => runsOf(JSON.parse(value.replace(/^\[.*?\]/, ''))),
    );
  const unrecorded = [...runsIn('pending'), ...runsIn('retries')];
  const deadLetters = runsIn('letters', true);
  await root.close();
  return { unrecorded, deadLetters };
}

function runsOf({ handler, entry }: StoredRow): string[] {
  const handlers = handler === undefined ? ['keep', 'notify'] : [handler];
  return handlers.map(name => `${name} ${entry.raw.number}`);
}
