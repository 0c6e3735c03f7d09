import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathOf, SOCKETS } from './owner-address.js';

/** A process that is just starting refuses for a moment too. */
const ASK_AGAIN_AFTER_MS = 200;

/** Removes the sockets that killed processes have left in a folder. */
export async function removeDeadSockets(folder: string): Promise<void> {
  const refusing = await refusingOf(
    folder,
    (await readdir(folder)).filter(name => SOCKETS.test(name)),
  );
  if (refusing.length === 0) return;
  await sleep(ASK_AGAIN_AFTER_MS, undefined, { ref: false });
  for (const name of await refusingOf(folder, refusing)) {
    await rm(pathOf(folder, name), { force: true });
  }
}

async function refusingOf(
  folder: string,
  names: readonly string[],
): Promise<string[]> {
  const refuse = await Promise.all(
    names.map(name => isRefused(pathOf(folder, name))),
  );
  return names.filter((_, index) => refuse[index]);
}

async function isRefused(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}
