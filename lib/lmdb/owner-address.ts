import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The path of a Unix socket has room for so many bytes, on the least of systems. */
const LONGEST_SOCKET_PATH = 100;

/** Where Windows has what is a Unix socket elsewhere. */
const PIPES = '\\\\.\\pipe\\';

/** The names of sockets in a folder. */
export const SOCKETS = /^owner-.*\.sock$/;

/** Relative to the folder, which another process may know under another path. */
export function newAddress(folder: string): string {
  const name = newName();
  if (process.platform === 'win32') return PIPES + name;
  const fits = Buffer.byteLength(resolve(folder, name)) <= LONGEST_SOCKET_PATH;
  return fits ? name : temporaryAddress();
}

/** Where there is no room for a socket in the folder. */
export function temporaryAddress(): string {
  return join(tmpdir(), newName());
}

function newName(): string {
  return `owner-${randomBytes(8).toString('hex')}.sock`;
}

/** Where a process of an address listens. */
export function pathOf(folder: string, address: string): string {
  return address.startsWith(PIPES) ? address : resolve(folder, address);
}
