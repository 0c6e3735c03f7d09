import { readSync } from 'node:fs';

/*
 * lmdb does not survive a data file that is foreign or cut off: opening or
 * reading it ends the process with SIGSEGV or SIGBUS, and it has no check of its
 * own. So this file and `inspect-data-file.ts`, and no others, know the format of
 * lmdb 2: two meta pages, each with the numbers of the root pages, the last page
 * and the transaction.
 */

const MAGIC = 0xbeefc0de;
const FORMAT = 2;
const META_BYTES = 168;

/** What kind of page it is, as its flags say. */
export const PAGE = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;

export interface Meta {
  readonly pageSize: number;
  readonly freeRoot: bigint;
  readonly mainRoot: bigint;
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/** What is wrong with a data file: it can't be opened. */
export class DamagedFileError extends Error {
  override readonly name = 'DamagedFileError';
}

/** The meta page of the newest transaction. */
export function readNewestMeta(file: number): Meta {
  const first = readMeta(file, 0, 0);
  const { pageSize } = first;
  const isPowerOf2 = (pageSize & (pageSize - 1)) === 0;
  if (pageSize < 512 || pageSize > 65_536 || !isPowerOf2) {
    throw new DamagedFileError('its first page is damaged');
  }
  const other = readMeta(file, pageSize, 1);
  return first.transaction >= other.transaction ? first : other;
}

function readMeta(file: number, offset: number, number: number): Meta {
  const bytes = read(file, offset, META_BYTES);
  const isMeta =
    bytes?.readBigUInt64LE(0) === BigInt(number) &&
    bytes.readUInt16LE(18) === PAGE.meta &&
    bytes.readUInt32LE(24) === MAGIC;
  if (!isMeta) {
    throw new DamagedFileError(
      `it is not a data file of LMDB, or its page ${number} is damaged`,
    );
  }
  if ((bytes.readUInt32LE(28) & 0xffff) !== FORMAT) {
    throw new DamagedFileError('it is of another version of LMDB');
  }
  return {
    pageSize: bytes.readUInt32LE(48),
    freeRoot: bytes.readBigUInt64LE(88),
    mainRoot: bytes.readBigUInt64LE(136),
    lastPage: bytes.readBigUInt64LE(144),
    transaction: bytes.readBigUInt64LE(152),
  };
}

/** So many bytes; `undefined` where the file ends before. */
export function read(
  file: number,
  offset: number,
  length: number,
): Buffer | undefined {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const count = readSync(file, bytes, done, length - done, offset + done);
    if (count === 0) return undefined;
    done += count;
  }
  return bytes;
}
