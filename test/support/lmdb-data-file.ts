import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmdbInbox } from '../../lib/lmdb/lmdb.inbox.js';
import {
  Bench,
  datedEvent,
  entriesOf,
  invalidEntry,
} from '../../lib/testing/inbox-bench.js';

export const DATA_FILE = 'inbox.mdb';
export const PAGE_BYTES = 4_096;

/** What an inbox writes into its folder to know it again. */
export const SIGNATURE = 'nestjs-xenioo lmdb 2\n';

/** The bytes of a data file with events that wait, large ones among them, and pages that are free. */
export async function makeDataFile(): Promise<Buffer> {
  const path = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-lmdb-'));
  const bench = new Bench(
    {
      open: settings =>
        LmdbInbox.open({ path, keepDeadLettersDays: 90 }, settings),
    },
    10_000,
  );
  try {
    const some = () => Array.from({ length: 100 }, () => datedEvent('ada'));
    const inbox = await bench.start();
    for (let calls = 0; calls < 5; calls++) {
      await inbox.accept({ entries: some() });
    }
    await inbox.idle();
    await bench.stop(inbox);
    const waiting = await bench.open();
    const large = { Type: 1, Data: 'x'.repeat(9_000) };
    await waiting.accept({ entries: [...some(), ...some(), invalidEntry()] });
    await waiting.accept({ entries: entriesOf([large, large, large]) });
    await bench.stop(waiting);
    return await readFile(join(path, DATA_FILE));
  } finally {
    await bench.clear();
    await rm(path, { recursive: true });
  }
}

/** Where the nodes begin that the newest transaction may reach, by the flags of their page and their own. */
export function nodesOf(
  bytes: Buffer,
  pageFlags: number,
  nodeFlags: number,
): number[] {
  const nodes: number[] = [];
  for (let page = 2 * PAGE_BYTES; page < bytes.length; page += PAGE_BYTES) {
    if (bytes.readUInt16LE(page + 18) !== pageFlags) continue;
    const count = bytes.readUInt16LE(page + 20) >> 1;
    for (let index = 0; index < count; index++) {
      const node = page + 24 + bytes.readUInt16LE(page + 24 + index * 2);
      const isOne =
        pageFlags === 1 || bytes.readUInt16LE(node + 4) === nodeFlags;
      if (isOne) nodes.push(node);
    }
  }
  return nodes;
}
