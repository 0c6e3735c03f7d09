import type { Database, RootDatabase } from 'lmdb';

/** The tables of the folder, each with keys of its own; all values are text. */
export interface Tables {
  /** Single values by name. Versioned. */
  readonly meta: Database<string, string>;
  /** What waits for its first attempt. */
  readonly pending: Database<string, PendingKey>;
  /** Handlers that are done in a first attempt that has not come to its end. */
  readonly handled: Database<string, PendingKey>;
  /** What waits for a handler to be tried again. */
  readonly retries: Database<string, RetryKey>;
  /** Ids that were accepted, each with the time of that for its version. */
  readonly claims: Database<string, string>;
  /** The same by time. */
  readonly claimTimes: Database<string, ClaimKey>;
  /** Dead letters by id. Versioned. */
  readonly letters: Database<string, string>;
  /** Their ids in the order in which they were written. */
  readonly letterOrder: Database<string, LetterKey>;
}

/** A process at its start, and a number counted up there. */
export type PendingKey = [stream: number, number: number];
export type RetryKey = [at: number, stream: number, number: number];
export type ClaimKey = [at: number, id: string];
export type LetterKey = [at: number, stream: number, number: number];

/** Opens the tables, or makes them. */
export function openTables(root: RootDatabase<string, string>): Tables {
  return {
    meta: root.openDB({ name: 'meta', useVersions: true }),
    pending: root.openDB({ name: 'pending' }),
    handled: root.openDB({ name: 'handled' }),
    retries: root.openDB({ name: 'retries' }),
    claims: root.openDB({ name: 'claims', useVersions: true }),
    claimTimes: root.openDB({ name: 'claim-times' }),
    letters: root.openDB({ name: 'letters', useVersions: true }),
    letterOrder: root.openDB({ name: 'letter-order' }),
  };
}
