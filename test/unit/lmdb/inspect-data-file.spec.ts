import { open } from 'lmdb';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { inspectDataFile } from '../../../lib/lmdb/inspect-data-file.js';
import {
  makeDataFile,
  nodesOf,
  PAGE_BYTES,
} from '../../support/lmdb-data-file.js';
import { temporaryFolder } from '../../support/lmdb-folder.js';

let whole: Buffer;

beforeAll(async () => void (whole = await makeDataFile()));

async function inspect(change: (bytes: Buffer) => Buffer | void) {
  const path = join(await temporaryFolder(), 'inbox.mdb');
  const bytes = Buffer.from(whole);
  await writeFile(path, change(bytes) ?? bytes);
  try {
    return inspectDataFile(path);
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

const LEAF = 2;
const BRANCH = 1;
const IS_BIG = 1;

describe('a file that lmdb can open', () => {
  it('is one that it has written', async () => {
    expect(await inspect(() => {})).toBe(true);
  });

  it('is one of no bytes, in which there is nothing', async () => {
    expect(await inspect(() => Buffer.alloc(0))).toBe(false);
  });

  it('may be shorter than its last page, where that is free', async () => {
    const path = join(await temporaryFolder(), 'short.mdb');
    const root = open<string, number>({
      path,
      overlappingSync: false,
      eventTurnBatching: false,
    });
    const table = root.openDB<string, number>({
      name: 'a',
      encoding: 'string',
    });
    root.openDB({ name: 'b' });
    await root.transaction(() => {
      void table.put(-1, 'x'.repeat(50_000));
      void table.remove(-1);
    });
    await root.transaction(() => {
      for (let key = 0; key < 500; key++)
        void table.put(key, 'x'.repeat(1_000));
      for (let key = 0; key < 500; key++) void table.remove(key);
    });
    await root.close();
    const bytes = await readFile(path);
    const lastPages = [0, PAGE_BYTES].map(meta =>
      bytes.readBigUInt64LE(meta + 144),
    );
    const last = lastPages.reduce((one, other) => (one > other ? one : other));
    expect(bytes.length / PAGE_BYTES).toBeLessThan(Number(last) + 1);

    expect(inspectDataFile(path)).toBe(true);
  });
});

describe('a file that it can’t', () => {
  it.each<[string, (bytes: Buffer) => Buffer | void, RegExp]>([
    ['text', () => Buffer.from('dear Ada, '.repeat(2_000)), /not a data file/],
    ['a few letters', () => Buffer.from('hi'), /not a data file/],
    ['zeros', () => Buffer.alloc(1_048_576), /not a data file/],
    ['100 bytes of it', bytes => bytes.subarray(0, 100), /not a data file/],
    ['one page of it', bytes => bytes.subarray(0, PAGE_BYTES), /its page 1/],
    ['two pages of it', bytes => bytes.subarray(0, 8_192), /cut off/],
    [
      'half of it',
      bytes => bytes.subarray(0, bytes.length / 2),
      /cut off|damaged/,
    ],
    [
      'all but 60 pages of it',
      bytes => bytes.subarray(0, bytes.length - 60 * PAGE_BYTES),
      /cut off|damaged/,
    ],
    [
      'zeros in its second half',
      bytes => void bytes.fill(0, bytes.length / 2),
      /damaged/,
    ],
    [
      'zeros for its first page',
      bytes => void bytes.fill(0, 0, 4_096),
      /page 0/,
    ],
    [
      'zeros for its second page',
      bytes => void bytes.fill(0, 4_096, 8_192),
      /page 1/,
    ],
    [
      'a format of another number',
      bytes => void bytes.writeUInt16LE(1, 28),
      /another version of LMDB/,
    ],
    [
      'pages of an odd size',
      bytes => void bytes.writeUInt32LE(1_000, 48),
      /first page/,
    ],
  ])('is %s', async (_, change, message) => {
    const found = await inspect(change);

    expect(found).toMatch(/^DamagedFileError: /);
    expect(found).toMatch(message);
  });

  it('is a folder', async () => {
    const path = join(await temporaryFolder(), 'inbox.mdb');
    await mkdir(path);

    expect(() => inspectDataFile(path)).toThrow(/not a file|EISDIR/);
  });
});

/** Each of these ended the process when the value was read, not when the file was opened. */
describe('a file that lmdb can open and not read', () => {
  it('has a large value that is longer than its pages', async () => {
    const found = await inspect(bytes => {
      for (const node of nodesOf(bytes, LEAF, IS_BIG)) bytes[node + 2] = 138;
    });

    expect(found).toMatch(/^DamagedFileError: .*page \d+ is damaged/);
  });

  it.each([4, 6, 8, 0x80])('has a node of kind %i', async flags => {
    const found = await inspect(bytes => {
      for (const node of nodesOf(bytes, LEAF, 0)) {
        bytes.writeUInt16LE(flags, node + 4);
      }
    });

    expect(found).toMatch(/^DamagedFileError: .*page \d+ is damaged/);
  });

  it('has a key that goes beyond its page', async () => {
    const found = await inspect(bytes => {
      for (const node of nodesOf(bytes, BRANCH, 0)) {
        bytes.writeUInt16LE(0xffff, node + 6);
      }
    });

    expect(found).toMatch(/^DamagedFileError: .*page \d+ is damaged/);
  });
});
