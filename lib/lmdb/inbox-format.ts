import { XeniooInboxError } from '../xenioo.errors.js';
import { createDamagedInboxError } from './damaged-inbox.error.js';

/** What the folder holds; changes when older versions could not read it. */
export const FORMAT = 'nestjs-xenioo lmdb 1';

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
