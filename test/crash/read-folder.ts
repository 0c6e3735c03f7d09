import { open } from 'lmdb';
import { join } from 'node:path';

/** Fields that stored tasks and stored dead letters share. */
interface StoredRow {
  readonly handler?: string;
  readonly entry: { readonly raw: { readonly number: number } };
}

/** Runs of handlers in a folder, as `keep 7`. */
export interface FolderRuns {
  /** Not on record. */
  readonly unrecorded: readonly string[];
  readonly deadLetters: readonly string[];
}

/** Reads the folder of an inbox whose processes are stopped or dead. */
export async function readFolder(folder: string): Promise<FolderRuns> {
  const root = open<string, string>({
    path: join(folder, 'inbox.mdb'),
    encoding: 'string',
    maxDbs: 16,
    // Who is stopped may hold the lock of those that write.
    readOnly: true,
    // As the servers do: another setting makes lmdb go back to an earlier commit.
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
  const handlers = handler === undefined ? ['keep', 'tell'] : [handler];
  return handlers.map(name => `${name} ${entry.raw.number}`);
}
