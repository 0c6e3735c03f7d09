import type { Database, RootDatabase } from 'lmdb';

/** Number of the process that wrote a row, and the number of the row: a time in microseconds, unique in that process. */
export type TaskKey = [processNumber: number, rowNumber: number];
export type RetryKey = [
  dueAt: number,
  processNumber: number,
  rowNumber: number,
];
export type ClaimKey = [at: number, id: string];
export type LetterKey = [at: number, processNumber: number, rowNumber: number];

/** The tables of the data file; all values are text. */
export interface Tables {
  /** Single values by name. Versioned. */
  readonly meta: Database<string, string>;
  /** Tasks that wait for their first run. */
  readonly pending: Database<string, TaskKey>;
  /** Tasks that wait for another attempt of a handler, by due time. */
  readonly retries: Database<string, RetryKey>;
  /** Tasks that may have crashed a process, with the number of crashes. */
  readonly started: Database<string, TaskKey>;
  /** Accepted ids; the version of each is the time when it was accepted. */
  readonly claims: Database<string, string>;
  /** Accepted ids by time. */
  readonly claimTimes: Database<string, ClaimKey>;
  /** Dead letters by id. Versioned. */
  readonly letters: Database<string, string>;
  /** Ids of dead letters in the order in which they were written. */
  readonly letterOrder: Database<string, LetterKey>;
}

/** Names of the tables in the data file. */
export const TABLE_NAMES = [
  'meta',
  'pending',
  'retries',
  'started',
  'claims',
  'claim-times',
  'letters',
  'letter-order',
] as const;

/** Opens the table of single values. */
export function openMeta(
  root: RootDatabase<string, string>,
): Database<string, string> {
  return root.openDB({ name: 'meta', useVersions: true });
}

/** Opens the tables; creates those that do not exist. */
export function openTables(root: RootDatabase<string, string>): Tables {
  return {
    meta: openMeta(root),
    pending: root.openDB({ name: 'pending' }),
    retries: root.openDB({ name: 'retries' }),
    started: root.openDB({ name: 'started' }),
    claims: root.openDB({ name: 'claims', useVersions: true }),
    claimTimes: root.openDB({ name: 'claim-times' }),
    letters: root.openDB({ name: 'letters', useVersions: true }),
    letterOrder: root.openDB({ name: 'letter-order' }),
  };
}
