import { XeniooInboxError } from '../xenioo.errors.js';

/** Name of the data file in the folder of an inbox. */
export const DATA_FILE = 'inbox.mdb';

/**
 * Creates the error for an inbox that can't be read.
 * @param damage reason, as a part of a sentence
 */
export function createDamagedInboxError(
  folder: string,
  damage: string,
  options?: ErrorOptions,
): XeniooInboxError {
  return new XeniooInboxError(
    `the LMDB inbox at ${folder} is damaged: ${damage}. Restore ${DATA_FILE} from a backup; or, if its events may be lost, move the folder away to start with an empty one`,
    options,
  );
}
