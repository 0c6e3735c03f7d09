import { XeniooInboxError } from '../xenioo.errors.js';

export const DATA_FILE = 'inbox.mdb';

/** @param damage what is wrong, as a part of a sentence */
export function createDamagedInboxError(
  folder: string,
  damage: string,
  options?: ErrorOptions,
): XeniooInboxError {
  return new XeniooInboxError(
    `the LMDB inbox at ${folder} is damaged: ${damage}. Restore ${DATA_FILE} from a backup; or, if its events may be lost, move the folder away and start with a new one`,
    options,
  );
}
