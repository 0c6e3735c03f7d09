import { Logger } from '@nestjs/common';
import { onTestFinished } from 'vitest';
import { LmdbInbox } from '../../lib/lmdb/lmdb.inbox.js';
import { Bench } from '../../lib/testing/inbox-bench.js';
import { inboxPath } from './lmdb-folder.js';
import { LogRecorder } from './log-recorder.js';

export interface LmdbBench {
  /** Opens LMDB inboxes, all on one folder. They are stopped when the test ends. */
  readonly bench: Bench;
  readonly path: string;
  readonly logs: LogRecorder;
}

/** LMDB inboxes on a folder of the test's own, and all that they log. */
export async function lmdbBench({
  path,
  keepDeadLettersDays = 90,
}: { path?: string; keepDeadLettersDays?: number } = {}): Promise<LmdbBench> {
  const folder = path ?? (await inboxPath());
  const logs = new LogRecorder();
  Logger.overrideLogger(logs);
  const bench = new Bench(
    {
      open: settings =>
        LmdbInbox.open({ path: folder, keepDeadLettersDays }, settings),
    },
    10_000,
  );
  onTestFinished(() => bench.clear());
  return { bench, path: folder, logs };
}
