import { open } from 'lmdb';
import { join } from 'node:path';

interface Entry {
  readonly raw: { readonly number: number };
}

interface Retry {
  readonly text: string;
  readonly progress: { readonly failed: { readonly handler: string }[] };
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
  const [pending, handled, retries] = [
    named('pending'),
    named('handled'),
    named('retries'),
  ];
  const runs: string[] = [];
  for (const { key, value } of pending.getRange({})) {
    const done = JSON.parse(handled.get(key) ?? '[]') as string[];
    const { number } = (JSON.parse(value) as Entry).raw;
    for (const handler of ['keep', 'tell']) {
      if (!done.includes(handler)) runs.push(`${handler} ${number}`);
    }
  }
  for (const { value } of retries.getRange({})) {
    const { text, progress } = JSON.parse(value) as Retry;
    const { number } = (JSON.parse(text) as Entry).raw;
    for (const { handler } of progress.failed) {
      runs.push(`${handler} ${number}`);
    }
  }
  await root.close();
  return runs;
}
