import type { RootDatabase, RootDatabaseOptions } from 'lmdb';
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync } from 'node:fs';
import {
  access,
  chmod,
  constants,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeError } from '../describe-error.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import { createDamagedInboxError, DATA_FILE } from './damaged-inbox.error.js';
import { FORMAT } from './inbox-format.js';
import { inspectDataFile } from './inspect-data-file.js';
import { loadLmdb } from './load-lmdb.js';
import { DamagedFileError } from './meta-pages.js';

const LOCK_FILE = 'inbox.mdb-lock';
/** Says that there was data here: if that is gone, no new one is made. */
const SIGNATURE_FILE = 'format';
const OURS = /^(inbox\.mdb(-lock.*)?|format|owner-.*\.sock|lost\+found)$/;

/** Room for the lock file of lmdb. */
const LOCK_BYTES = 8_272;
const LEAST_SPACE_BYTES = 2 ** 20;
const { R_OK, W_OK } = constants;

const OPTIONS: RootDatabaseOptions = {
  encoding: 'string',
  maxDbs: 16,
  cache: false,
  // With it, a commit is told before it is synced.
  overlappingSync: false,
  // With it, a commit that fails rejects promises that nobody has.
  eventTurnBatching: false,
};

/** A folder that lmdb can open without ending the process. */
export interface PreparedFolder {
  /** Without links. */
  readonly path: string;
  open(): RootDatabase<string, string>;
  sign(): Promise<void>;
}

/** @throws {XeniooInboxError} why the folder can't be used, and what to do */
export async function prepareFolder(given: string): Promise<PreparedFolder> {
  const lmdb = await loadLmdb();
  try {
    await mkdir(given, { recursive: true, mode: 0o700 });
    const path = await realpath(given);
    const data = join(path, DATA_FILE);
    await access(path, R_OK | W_OK);
    const isNew = await assertOurs(path);
    if (isNew) await chmod(path, 0o700).catch(() => {});
    await prepareLockFile(path);
    return {
      path,
      open() {
        // On every opening: lmdb does not survive a file that is damaged.
        const isThere = existsSync(data);
        if (isThere) inspectDataFile(data);
        const root = lmdb.open<string, string>({ path: data, ...OPTIONS });
        // lmdb lets everybody read a file that it makes.
        if (!isThere) chmodSync(data, 0o600);
        return root;
      },
      async sign() {
        if (!isNew) return;
        await writeFile(join(path, SIGNATURE_FILE), `${FORMAT}\n`, {
          mode: 0o600,
          flush: true,
        });
        await syncFolder(path);
        await syncFolder(dirname(path));
      },
    };
  } catch (error) {
    if (error instanceof XeniooInboxError) throw error;
    const { message } = describeError(error);
    if (error instanceof DamagedFileError) {
      throw createDamagedInboxError(given, message, { cause: error });
    }
    throw new XeniooInboxError(
      `the LMDB inbox can't use the folder ${given}: ${message}`,
      { cause: error },
    );
  }
}

/** Tells whether nothing was ever kept in the folder. */
async function assertOurs(path: string): Promise<boolean> {
  const names = await readdir(path);
  const isSigned = names.includes(SIGNATURE_FILE);
  const foreign = names.filter(name => !OURS.test(name));
  if (!isSigned && foreign.length > 0) {
    throw new XeniooInboxError(
      `the folder ${path} holds other things, as ${foreign[0]}: give the LMDB inbox a folder of its own`,
    );
  }
  if (isSigned) await assertFormat(join(path, SIGNATURE_FILE));
  const data = join(path, DATA_FILE);
  const hasData = names.includes(DATA_FILE) && inspectDataFile(data);
  if (hasData) await access(data, R_OK | W_OK);
  if (isSigned && !hasData) {
    throw new DamagedFileError(`${DATA_FILE} is missing or empty`);
  }
  if (!hasData) await assertSpace(path);
  return !isSigned;
}

async function assertFormat(signature: string): Promise<void> {
  const format = (await readFile(signature, 'utf8')).trim();
  if (format === FORMAT) return;
  throw new XeniooInboxError(
    `${signature} does not say ${FORMAT}: the folder is of something else, or of another version. Give the LMDB inbox a folder of its own`,
  );
}

/** On a full disk lmdb does not survive making its first pages. */
async function assertSpace(path: string): Promise<void> {
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize >= LEAST_SPACE_BYTES) return;
  throw new XeniooInboxError(
    `the disk of ${path} is full: the LMDB inbox needs ${LEAST_SPACE_BYTES} bytes to begin with`,
  );
}

/** lmdb would make it with holes, and not survive a disk that is too full to fill them. */
async function prepareLockFile(path: string): Promise<void> {
  const lock = join(path, LOCK_FILE);
  if (existsSync(lock)) {
    if (!(await stat(lock)).isFile()) {
      throw new XeniooInboxError(`${lock} is not a file: remove it`);
    }
    await access(lock, R_OK | W_OK);
    return;
  }
  const made = `${lock}.${randomUUID()}`;
  await writeFile(made, Buffer.alloc(LOCK_BYTES), { mode: 0o600, flush: true });
  try {
    await link(made, lock);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw error;
  } finally {
    await rm(made, { force: true });
  }
}

/** Makes the names of new files outlive a loss of power. */
async function syncFolder(path: string): Promise<void> {
  // Windows can't, and need not.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
