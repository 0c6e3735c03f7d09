import { XeniooInboxError } from '../xenioo.errors.js';
import { createDamagedInboxError } from './damaged-inbox.error.js';

/**
 * What the folder holds; changes when older versions could not read it. The data
 * of 1 was written by lmdb 3, in whose list of free pages lmdb 2 takes a length
 * for a page, and would overwrite the first one.
 */
export const FORMAT = 'nestjs-xenioo lmdb 2';

const ANY_FORMAT = /^nestjs-xenioo lmdb \d+$/;

/** @throws {XeniooInboxError} when the data file says that it holds something else */
export function assertFormatOfData(
  folder: string,
  found: string | undefined,
): void {
  if (found === FORMAT) return;
  if (found === undefined || !ANY_FORMAT.test(found)) {
    throw createDamagedInboxError(folder, 'it does not say what it holds');
  }
  throw new XeniooInboxError(
    `the folder ${folder} holds the data of another version of the LMDB inbox (${found}, this one is ${FORMAT}): use that version, or another folder`,
  );
}
