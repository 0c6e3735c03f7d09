import { open } from 'lmdb';
import { join } from 'node:path';

interface StoredTask {
  readonly handler?: string;
  readonly entry: { readonly raw: { readonly number: number } };
}

/** The runs of handlers that are not on record in a folder, as `keep 7`. */
export async function readUnrecorded(folder: string): Promise<string[]> {
  const root = open<string, string>({
    path: join(folder, 'inbox.mdb'),
    encoding: 'string',
    maxDbs: 16,
    // Who is stopped may hold the lock of those that write.
    readOnly: true,
    // As the servers do: another setting makes lmdb go back to an earlier commit.
    overlappingSync: false,
  });
  const named = (name: string) => root.openDB<string, number[]>({ name });
  const runs: string[] = [];
  for (const table of [named('pending'), named('retries')]) {
    for (const { value } of table.getRange({})) {
      const { handler, entry } = JSON.parse(value) as StoredTask;
      const handlers = handler === undefined ? ['keep', 'tell'] : [handler];
      runs.push(...handlers.map(name => `${name} ${entry.raw.number}`));
    }
  }
  await root.close();
  return runs;
}
