import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmdbInbox } from '../../lib/lmdb/lmdb.inbox.js';
import { datedEvent, delivery, done, invalidEntry } from './lmdb-harness.js';
import { eventOf } from './entry-of.js';

export const DATA_FILE = 'inbox.mdb';
export const PAGE_BYTES = 4_096;

/** Text by which an inbox recognises its folder. */
export const SIGNATURE = 'nestjs-xenioo lmdb 3\n';

/** Returns the bytes of a data file with free pages and pending events, some of them large. */
export async function makeDataFile(): Promise<Buffer> {
  const path = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-lmdb-'));
  const open = () =>
    LmdbInbox.open(
      { path, deadLetterRetentionDays: 90 },
      {
        concurrency: 32,
        dedupe: { ttlSeconds: 3_600, maxIds: 1_000 },
        acceptTimeoutMs: 5_000,
      },
    );
  const some = () => Array.from({ length: 100 }, () => datedEvent('ada'));
  try {
    const inbox = await open();
    await inbox.start({
      run: async () => [done()],
      announce: async () => {},
      reportDuplicates() {},
    });
    for (let calls = 0; calls < 5; calls++)
      await inbox.accept(delivery(some()));
    await inbox.idle();
    await inbox.stop(10_000);
    const waiting = await open();
    const large = { Type: 1, Data: 'x'.repeat(9_000) };
    const larges = [large, large, large].map(entry => eventOf(entry));
    await waiting.accept(delivery([...some(), ...some(), invalidEntry()]));
    await waiting.accept(delivery(larges));
    await waiting.stop(10_000);
    return await readFile(join(path, DATA_FILE));
  } finally {
    await rm(path, { recursive: true });
  }
}
