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
import { COPY_NAMES } from './probe-data-file.js';

/** Format of the folder; changes when older versions can't read it. */
export const FORMAT = 'nestjs-xenioo lmdb 3';

export const LOCK_FILE = `${DATA_FILE}-lock`;
/** Shows that the folder has had a data file: if the data file is missing, no new one is created. */
const MARKER_FILE = 'format';
const INBOX_FILES =
  /^(inbox\.mdb(-lock.*)?|format|owner-.*\.sock|lost\+found)$/;

const MIN_SPACE_BYTES = 2 ** 20;
const { R_OK, W_OK, X_OK } = constants;

export interface PreparedFolder {
  /** Path with symbolic links resolved. */
  readonly path: string;
  /** True if the folder has held no inbox before. */
  readonly isNew: boolean;
}

/**
 * Creates the folder if it does not exist, and checks that it can hold an inbox.
 * @throws {XeniooInboxError} with the reason and what to do
 */
export function prepareFolder(given: string): PreparedFolder {
  try {
    mkdirSync(given, { recursive: true, mode: 0o700 });
    const path = realpathSync(given);
    accessSync(path, R_OK | W_OK | X_OK);
    removeCopies(path);
    const isNew = checkContents(path);
    if (isNew) restrictPermissions(path);
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
export function markFolder({ path, isNew }: PreparedFolder): void {
  if (!isNew) return;
  const marker = openSync(join(path, MARKER_FILE), 'w', 0o600);
  writeSync(marker, `${FORMAT}\n`);
  syncAndClose(marker);
  // Without it, a power failure may lose the names of new files.
  syncFolder(path);
  syncFolder(dirname(path));
}

/**
 * Returns true if a file exists and is not empty.
 * @throws {XeniooInboxError} when it is not a file
 */
export function hasContent(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) return false;
  if (!found.isFile()) {
    throw new XeniooInboxError(
      `${file} is not a file; the LMDB inbox needs this name. Move it away`,
    );
  }
  accessSync(file, R_OK | W_OK);
  return found.size > 0;
}

/** Checks the files in a folder; returns true if it has held no inbox before. */
function checkContents(path: string): boolean {
  const names = readdirSync(path);
  const hasMarker = names.includes(MARKER_FILE);
  const marker = join(path, MARKER_FILE);
  const format = hasMarker ? readFileSync(marker, 'utf8').trim() : '';
  // A full disk may have left it empty: it is written again.
  const isMarked = format !== '';
  const foreign = names.find(name => !INBOX_FILES.test(name));
  if (!isMarked && foreign !== undefined) {
    throw new XeniooInboxError(
      `the folder ${path} holds other files, such as ${foreign}. Give the LMDB inbox a folder of its own`,
    );
  }
  if (isMarked) assertFormat(marker, format);
  const hasData = hasContent(join(path, DATA_FILE));
  if (hasMarker && !hasData) {
    throw createDamagedInboxError(path, `${DATA_FILE} is missing or empty`);
  }
  const hasLock = hasContent(join(path, LOCK_FILE));
  if (!hasData || !hasLock) assertSpace(path);
  return !isMarked;
}

/** Removes copies left by a probe whose process was killed. */
function removeCopies(path: string): void {
  for (const name of readdirSync(path).filter(name => COPY_NAMES.test(name))) {
    rmSync(join(path, name), { force: true });
  }
}

function assertFormat(marker: string, format: string): void {
  if (format === FORMAT) return;
  throw new XeniooInboxError(
    `the file ${marker} should contain "${FORMAT}": the folder belongs to another program or another version of nestjs-xenioo. Give the LMDB inbox a folder of its own; pending events in this one can only be handled by the version that wrote them`,
  );
}

/** Checks the free space: on a full disk, lmdb ends the process when it creates its files. */
function assertSpace(path: string): void {
  const { bavail, bsize } = statfsSync(path);
  if (bavail * bsize >= MIN_SPACE_BYTES) return;
  throw new XeniooInboxError(
    `the disk of ${path} is full: the LMDB inbox needs ${MIN_SPACE_BYTES} bytes to start. Free some space`,
  );
}

function restrictPermissions(path: string): void {
  try {
    chmodSync(path, 0o700);
  } catch {
    // A mounted folder may belong to another user.
  }
}

function syncFolder(path: string): void {
  // Windows can't sync a folder.
  if (process.platform !== 'win32') syncAndClose(openSync(path, 'r'));
}

function syncAndClose(file: number): void {
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Describes a file system error, with what to do about it. */
function reasonOf(error: unknown, given: string): string {
  const { code, path } = causeOf(error, given);
  if (code === 'EROFS') {
    return `the file system at ${path} is read-only. Mount a writable volume, and set \`path\` to a folder on it`;
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
    const rights = isFolder ? 'read, write and enter' : 'read and write';
    return `${code}, ${currentUser()} needs the right to ${rights} ${path}. Change its owner or mode, or run the application as its owner`;
  }
  return describeError(error).message;
}

/**
 * Returns the error of the closest existing parent folder, if that is the cause:
 * Node.js reports ENOENT when it can't create a folder on a read-only disk.
 */
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
