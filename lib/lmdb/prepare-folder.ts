import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { describeError } from '../describe-error.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import { createDamagedInboxError, DATA_FILE } from './damaged-inbox.error.js';
import { COPIES } from './probe-data-file.js';

/** Format of the folder; changes when older versions can't read it. */
export const FORMAT = 'nestjs-xenioo lmdb 3';

export const LOCK_FILE = `${DATA_FILE}-lock`;
/** Says that the folder had a data file: if that is gone, no new one is made. */
const SIGNATURE_FILE = 'format';
const OURS = /^(inbox\.mdb(-lock.*)?|format|owner-.*\.sock|lost\+found)$/;

const MIN_SPACE_BYTES = 2 ** 20;
const { R_OK, W_OK, X_OK } = constants;

export interface PreparedFolder {
  /** Path without links. */
  readonly path: string;
  /** True for a folder that has held no inbox yet. */
  readonly isNew: boolean;
}

/**
 * Makes the folder, and checks that it can hold an inbox.
 * @throws {XeniooInboxError} why it can't, and what to do
 */
export function prepareFolder(given: string): PreparedFolder {
  try {
    mkdirSync(given, { recursive: true, mode: 0o700 });
    const path = realpathSync(given);
    accessSync(path, R_OK | W_OK | X_OK);
    removeCopies(path);
    const isNew = assertOurs(path);
    if (isNew) makePrivate(path);
    return { path, isNew };
  } catch (error) {
    if (error instanceof XeniooInboxError) throw error;
    throw new XeniooInboxError(
      `the LMDB inbox can't use the folder ${given}: ${reasonOf(error, given)}`,
      { cause: error },
    );
  }
}

/** Marks a folder as that of an inbox, once its data file is written. */
export function signFolder({ path, isNew }: PreparedFolder): void {
  if (!isNew) return;
  const signature = openSync(join(path, SIGNATURE_FILE), 'w', 0o600);
  writeSync(signature, `${FORMAT}\n`);
  syncAndClose(signature);
  // Otherwise a loss of power may take the names of new files.
  syncFolder(path);
  syncFolder(dirname(path));
}

/** Returns whether there is a file that is not empty, and checks that it can be used. */
export function hasBytes(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) return false;
  if (!found.isFile()) {
    throw new XeniooInboxError(`${file} is not a file: remove it`);
  }
  accessSync(file, R_OK | W_OK);
  return found.size > 0;
}

function assertOurs(path: string): boolean {
  const names = readdirSync(path);
  const isSigned = names.includes(SIGNATURE_FILE);
  const foreign = names.find(name => !OURS.test(name));
  if (!isSigned && foreign !== undefined) {
    throw new XeniooInboxError(
      `the folder ${path} holds other things, such as ${foreign}: give the LMDB inbox a folder of its own`,
    );
  }
  if (isSigned) assertFormat(join(path, SIGNATURE_FILE));
  const hasData = hasBytes(join(path, DATA_FILE));
  if (isSigned && !hasData) {
    throw createDamagedInboxError(path, `${DATA_FILE} is missing or empty`);
  }
  const hasLock = hasBytes(join(path, LOCK_FILE));
  if (!hasData || !hasLock) assertSpace(path);
  return !isSigned;
}

/** Removes copies that a probe has left because its process was killed. */
function removeCopies(path: string): void {
  for (const name of readdirSync(path).filter(name => COPIES.test(name))) {
    rmSync(join(path, name), { force: true });
  }
}

function assertFormat(signature: string): void {
  const format = readFileSync(signature, 'utf8').trim();
  if (format === FORMAT) return;
  throw new XeniooInboxError(
    `${signature} does not say ${FORMAT}: the folder belongs to something else, or to another version of nestjs-xenioo. Give the LMDB inbox a folder of its own; events in the old one are handled by the version that wrote them`,
  );
}

/** On a full disk, lmdb ends the process when it makes its files. */
function assertSpace(path: string): void {
  const { bavail, bsize } = statfsSync(path);
  if (bavail * bsize >= MIN_SPACE_BYTES) return;
  throw new XeniooInboxError(
    `the disk of ${path} is full: the LMDB inbox needs ${MIN_SPACE_BYTES} bytes to start`,
  );
}

function makePrivate(path: string): void {
  try {
    chmodSync(path, 0o700);
  } catch {
    // A mounted folder may belong to another user.
  }
}

function syncFolder(path: string): void {
  // Windows has no such call.
  if (process.platform !== 'win32') syncAndClose(openSync(path, 'r'));
}

function syncAndClose(file: number): void {
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Explains an error of the file system to the person who deploys the application. */
function reasonOf(error: unknown, given: string): string {
  const { code, path } = causeOf(error, given);
  if (code === 'EROFS') {
    return `the file system at ${path} is read-only. Mount a volume that can be written to, and give the path of a folder on it`;
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
    const rights = isFolder ? 'read, write and enter' : 'read and write';
    return `${code}, ${currentUser()} needs the right to ${rights} ${path}. Change its owner or mode, or run the application as its owner`;
  }
  return describeError(error).message;
}

/** Node.js reports ENOENT when it can't make a folder on a read-only disk: asks what stands in its way. */
function causeOf(
  error: unknown,
  given: string,
): { code: string | undefined; path: string } {
  let folder = resolve(given);
  while (!existsSync(folder) && folder !== dirname(folder)) {
    folder = dirname(folder);
  }
  try {
    if (statSync(folder).isDirectory()) {
      accessSync(folder, R_OK | W_OK | X_OK);
    }
    const { code, path } = error as NodeJS.ErrnoException;
    return { code, path: path ?? given };
  } catch (denied) {
    return { code: (denied as NodeJS.ErrnoException).code, path: folder };
  }
}

function currentUser(): string {
  const uid = process.getuid?.();
  try {
    return `the user ${userInfo().username} (uid ${uid})`;
  } catch {
    return `the user with uid ${uid}`;
  }
}
