import type { Database, RootDatabase } from 'lmdb';
import { settledWithin } from '../settled-within.js';

/** Writes of one transaction: all of them are committed, or none. */
export interface Batch {
  /**
   * Calls `write` if a key has this version, or is absent for `null`; resolves to
   * true if `write` was called.
   */
  when(
    table: Database<string, string>,
    key: string,
    version: number | null,
    write: () => void,
  ): Promise<boolean>;
}

/** Time in milliseconds to wait for the reason of a failed commit, which lmdb gives in a second promise. */
const REASON_TIMEOUT_MS = 100;

/**
 * Commits everything that `write` writes in one transaction. `write` must not throw.
 * @throws {Error} when nothing was written
 */
export async function commitBatch(
  root: RootDatabase<string, string>,
  write: (batch: Batch) => void,
): Promise<void> {
  const conditions: Promise<boolean>[] = [];
  const add = (condition: Promise<boolean>) => {
    conditions.push(condition);
    return condition;
  };
  const batch: Batch = {
    when: (table, key, version, writeMore) =>
      add(
        version === null
          ? table.ifNoExists(key, writeMore)
          : table.ifVersion(key, version, writeMore),
      ),
  };
  const committed = root.batch(() => write(batch));
  const [error] = await Promise.all([
    committed.then(() => undefined, reasonOf),
    // A failed commit rejects these too; each must have a handler.
    ...conditions.map(condition => condition.catch(reasonOf)),
  ]);
  if (error !== undefined) throw error;
}

async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  let reason = error;
  const known = commitError?.catch((cause: unknown) => (reason = cause));
  if (known) await settledWithin(known, REASON_TIMEOUT_MS);
  return reason;
}
