import * as fc from 'fast-check';
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LmdbFolder } from '../../../lib/lmdb/lmdb.folder.js';
import {
  DATA_FILE,
  makeDataFile,
  PAGE_BYTES,
  SIGNATURE,
} from '../../support/lmdb-data-file.js';
import { inboxPath, temporaryFolder } from '../../support/lmdb-folder.js';
import { LmdbOpener } from '../../support/lmdb-opener.js';
import {
  hasSmallDisks,
  makeSmallDisk,
  NO_SMALL_DISKS,
} from '../../support/small-disk.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

let whole: Buffer;
let opener: LmdbOpener;

beforeAll(async () => {
  whole = await makeDataFile();
  opener = new LmdbOpener();
});

afterAll(() => opener.close());

/** Creates an inbox folder with these files. */
async function folderWith(
  files: Record<string, string | Buffer>,
): Promise<string> {
  const path = await inboxPath();
  await mkdir(path);
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(path, name), content);
  }
  return path;
}

const folderWithData = (bytes: string | Buffer) =>
  folderWith({ [DATA_FILE]: bytes, format: SIGNATURE });

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe('LmdbFolder.open() of a usable folder', () => {
  it('creates a missing folder, readable only by its user', async () => {
    const path = join(await inboxPath(), 'of', 'mine');

    expect(await opener.open(path)).toBe('opened');

    expect(await modeOf(path)).toBe(0o700);
    const names = await readdir(path);
    expect(names.toSorted()).toEqual([
      'format',
      DATA_FILE,
      `${DATA_FILE}-lock`,
    ]);
    for (const name of names)
      expect(await modeOf(join(path, name))).toBe(0o600);
    expect(await readFile(join(path, 'format'), 'utf8')).toBe(SIGNATURE);
  });

  it('opens a folder again', async () => {
    const path = await inboxPath();
    await opener.open(path);

    expect(await opener.open(path)).toBe('opened');
  });

  it.each<[string, Record<string, string>]>([
    ['is empty', {}],
    ['is the root of a disk', { 'lost+found': '' }],
    ['has an empty data file', { [DATA_FILE]: '' }],
    ['has an empty lock file', { [`${DATA_FILE}-lock`]: '' }],
    [
      'has the socket of a killed process',
      { 'owner-0123456789abcdef.sock': '' },
    ],
  ])('opens a folder that %s', async (_, files) => {
    expect(await opener.open(await folderWith(files))).toBe('opened');
  });

  it('creates the folder once when called several times at once', async () => {
    for (let rounds = 0; rounds < 4; rounds++) {
      const path = await inboxPath();
      const folders = await Promise.all(
        [1, 2, 3, 4].map(() => LmdbFolder.open(path)),
      );
      for (const folder of folders) await folder.close(1_000);

      expect(new Set(folders.map(folder => folder.path)).size).toBe(1);
    }
  });

  it('opens a folder restored from a backup', async () => {
    expect(await opener.open(await folderWithData(whole))).toBe('opened');
  });

  it('opens a folder with only the data file restored from a backup', async () => {
    const path = await folderWith({ [DATA_FILE]: whole });

    expect(await opener.open(path)).toBe('opened');
    expect(await readFile(join(path, 'format'), 'utf8')).toBe(SIGNATURE);
  });

  it('opens a folder whose file `format` was emptied, and writes it again', async () => {
    const path = await folderWith({ [DATA_FILE]: whole, format: '' });

    expect(await opener.open(path)).toBe('opened');
    expect(await readFile(join(path, 'format'), 'utf8')).toBe(SIGNATURE);
  });
});

const NOBODY = 65_534;

/** Only root can become another user, who then must be able to load the package. */
const canChangeUser = process.getuid?.() === 0 && isOpenToOthers(ROOT);
const NO_OTHER_USER = canChangeUser
  ? ''
  : ' (skipped: not root, or other users have no access to the package)';

/** Returns true if every user may enter a folder and all its parents. */
function isOpenToOthers(folder: string): boolean {
  const mayEnter = (statSync(folder).mode & 0o001) !== 0;
  const above = dirname(folder);
  return mayEnter && (above === folder || isOpenToOthers(above));
}

async function openAsNobody(path: string): Promise<string> {
  const other = new LmdbOpener();
  try {
    return await other.open(path, NOBODY);
  } finally {
    await other.close();
  }
}

describe('LmdbFolder.open() of an unusable folder', () => {
  /** Returns the data file with another format name of the same length. */
  const dataOfFormat = (format: string) =>
    Buffer.from(
      whole.toString('latin1').replaceAll(SIGNATURE.trim(), format),
      'latin1',
    );

  /** Opens a folder, expects an error that names it, and returns the error. */
  async function openError(path: string): Promise<string> {
    const outcome = await opener.open(path);
    expect(outcome).toMatch(/^XeniooInboxError: /);
    expect(outcome).toContain(path);
    return outcome;
  }

  it('rejects a file', async () => {
    const path = join(await temporaryFolder(), 'inbox');
    await writeFile(path, 'dear Ada');

    expect(await openError(path)).toMatch(/EEXIST|not a (folder|directory)/);
    expect(await readFile(path, 'utf8')).toBe('dear Ada');
  });

  it('rejects a path below a file', async () => {
    const file = join(await temporaryFolder(), 'inbox');
    await writeFile(file, 'dear Ada');

    expect(await openError(join(file, 'below'))).toMatch(/ENOTDIR/);
  });

  it('rejects a folder with other files', async () => {
    const path = await folderWith({ 'letter.txt': 'dear Ada' });

    expect(await openError(path)).toMatch(
      /letter\.txt\. Give .* a folder of its own/,
    );
    expect(await readdir(path)).toEqual(['letter.txt']);
  });

  it('rejects a folder of another version', async () => {
    const path = await folderWith({
      [DATA_FILE]: whole,
      format: 'nestjs-xenioo lmdb 2\n',
    });

    expect(await openError(path)).toMatch(
      /another version.*a folder of its own/,
    );
  });

  it('rejects a data file of another version', async () => {
    const path = await folderWithData(dataOfFormat('nestjs-xenioo lmdb 2'));

    expect(await openError(path)).toMatch(
      /another version.*\(format nestjs-xenioo lmdb 2, this version uses nestjs-xenioo lmdb 3\)\. Use that version/,
    );
  });

  it('rejects a data file without its format', async () => {
    const path = await folderWithData(dataOfFormat('\0estjs-xenioo lmdb 3'));

    expect(await openError(path)).toMatch(
      /is damaged: its format is missing\. Restore inbox\.mdb/,
    );
  });

  it.each([SIGNATURE, ''])(
    'rejects a folder without its data file (%j)',
    async format => {
      const path = await folderWith({ format });

      expect(await openError(path)).toMatch(
        /missing or empty.*Restore inbox\.mdb/,
      );
      expect(await readdir(path)).toEqual(['format']);
    },
  );

  it.each<[string, () => string | Buffer]>([
    ['no bytes', () => ''],
    ['text', () => 'dear Ada, '.repeat(2_000)],
    ['zeros', () => Buffer.alloc(1_048_576)],
    ['its first 100 bytes', () => whole.subarray(0, 100)],
    ['its first half', () => whole.subarray(0, whole.length / 2)],
    ['all but its last 60 pages', () => whole.subarray(0, -60 * PAGE_BYTES)],
    [
      'zeros for its first page',
      () =>
        Buffer.concat([Buffer.alloc(PAGE_BYTES), whole.subarray(PAGE_BYTES)]),
    ],
    [
      'zeros for its pages of data',
      () => Buffer.from(whole).fill(0, 2 * PAGE_BYTES),
    ],
  ])('rejects a data file with %s', async (_, bytes) => {
    const path = await folderWithData(bytes());

    expect(await openError(path)).toMatch(
      /Restore inbox\.mdb from a backup; or, .* move/,
    );
    const left = await readFile(join(path, DATA_FILE));
    expect(left.equals(Buffer.from(bytes()))).toBe(true);
  });

  it('rejects a folder in place of the lock file', async () => {
    const path = await folderWithData(whole);
    await mkdir(join(path, `${DATA_FILE}-lock`));

    expect(await openError(path)).toMatch(
      /inbox\.mdb-lock is not a file; .*Move it away/,
    );
  });

  it('rejects a folder in place of the data file', async () => {
    const path = await folderWith({ format: SIGNATURE });
    await mkdir(join(path, DATA_FILE));

    expect(await openError(path)).toMatch(/not a file|EISDIR/);
  });

  describe.skipIf(!canChangeUser)(`of another user${NO_OTHER_USER}`, () => {
    it('rejects a folder that only its owner may enter', async () => {
      const path = await folderWithData(whole);
      await chmod(join(path, '..'), 0o755);
      await chmod(path, 0o755);

      const outcome = await openAsNobody(path);

      expect(outcome).toMatch(
        /^XeniooInboxError: .*EACCES, the user nobody \(uid 65534\) needs the right to read, write and enter/,
      );
      expect(outcome).toContain(path);
    });

    it('rejects a data file that only its owner may read', async () => {
      const path = await folderWithData(whole);
      await chmod(join(path, '..'), 0o755);
      await chown(path, NOBODY, NOBODY);
      await chown(join(path, 'format'), NOBODY, NOBODY);
      await chmod(join(path, DATA_FILE), 0o600);

      const outcome = await openAsNobody(path);

      expect(outcome).toMatch(
        /^XeniooInboxError: .*EACCES, the user .* needs the right to read and write .*inbox\.mdb/,
      );
    });
  });

  it.skipIf(!hasSmallDisks)(
    `rejects a new folder on a full disk${NO_SMALL_DISKS}`,
    async () => {
      const disk = makeSmallDisk();
      disk.fill();

      expect(await openError(join(disk.path, 'inbox'))).toMatch(
        /is full|ENOSPC/,
      );
    },
  );
});

/** Damage to a page. */
const anyDamage = fc.record({
  page: fc.nat(10_000),
  kind: fc.oneof(
    fc.record({
      bytes: fc.array(fc.tuple(fc.nat(PAGE_BYTES - 1), fc.nat(255)), {
        minLength: 1,
        maxLength: 40,
      }),
    }),
    fc.record({
      bytes: fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { minLength: 1 }),
    }),
    fc.record({ fill: fc.nat(255) }),
    fc.record({ copyOf: fc.nat(10_000) }),
  ),
});

function damage(
  bytes: Buffer,
  damages: readonly (typeof anyDamage extends fc.Arbitrary<infer T>
    ? T
    : never)[],
): Buffer {
  const pages = bytes.length / PAGE_BYTES;
  const damaged = Buffer.from(bytes);
  for (const { page, kind } of damages) {
    const start = (page % pages) * PAGE_BYTES;
    if ('bytes' in kind) {
      for (const [at, byte] of kind.bytes) damaged[start + at] = byte;
    } else if ('fill' in kind) {
      damaged.fill(kind.fill, start, start + PAGE_BYTES);
    } else {
      const from = (kind.copyOf % pages) * PAGE_BYTES;
      bytes.copy(damaged, start, from, from + PAGE_BYTES);
    }
  }
  return damaged;
}

describe('LmdbFolder.open() of a damaged data file', () => {
  it('opens the file or rejects it with a reason, and never crashes the process', async () => {
    const path = await folderWithData(whole);
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyDamage, { minLength: 1, maxLength: 4 }),
        async damages => {
          await writeFile(join(path, DATA_FILE), damage(whole, damages));
          await rm(join(path, `${DATA_FILE}-lock`), { force: true });

          expect(await opener.open(path)).toMatch(
            /^opened$|^XeniooInboxError: .* (is damaged: |of another version )/,
          );
        },
      ),
      { numRuns: 20 },
    );
  });
});
