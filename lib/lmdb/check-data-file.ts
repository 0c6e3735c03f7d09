import { Logger } from '@nestjs/common';
import type { RootDatabaseOptions } from 'lmdb';
import { join } from 'node:path';
import { XeniooInboxError } from '../xenioo.errors.js';
import { createDamagedInboxError, DATA_FILE } from './damaged-inbox.error.js';
import { TABLE_NAMES } from './lmdb.tables.js';
import type { PreparedFolder } from './prepare-folder.js';
import { probeDataFile } from './probe-data-file.js';

/** Options with which every process opens the data file. */
export const LMDB_OPTIONS: RootDatabaseOptions = {
  encoding: 'string',
  maxDbs: 16,
  cache: false,
  // If it is on, commits resolve before they are synced.
  overlappingSync: false,
  // If it is on, a failed commit rejects promises that have no handler.
  eventTurnBatching: false,
};

/** Thrown when another process holds the lock for writing and does not release it. */
export class LockHeldError extends XeniooInboxError {
  constructor(path: string) {
    super(
      `the LMDB inbox at ${path} is locked: another process that writes to it is suspended (SIGSTOP?) or hangs. Resume that process, or kill it`,
    );
  }
}

/**
 * Checks in a child process that the data file can be opened.
 * @param lmdbFile file from which the child process loads lmdb
 * @throws {LockHeldError} when another process holds the lock for writing
 * @throws {XeniooInboxError} when the file is damaged
 */
export async function checkDataFile(
  { path, isNew }: PreparedFolder,
  lmdbFile: string,
): Promise<void> {
  const result = await probeDataFile(join(path, DATA_FILE), {
    // An interrupted first start may have left a file without tables.
    names: isNew ? [] : TABLE_NAMES,
    file: lmdbFile,
    options: LMDB_OPTIONS,
  });
  if (result.status === 'locked') throw new LockHeldError(path);
  if (result.status === 'damaged') {
    throw createDamagedInboxError(path, result.reason);
  }
  if (result.status === 'unknown') {
    new Logger('Xenioo').warn(
      `The data file of the LMDB inbox at ${path} could not be checked and is opened unchecked: ${result.reason}`,
    );
  }
}
