import { execFile } from 'node:child_process';
import { chown, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';

const run = promisify(execFile);

const PROGRAMS = '/usr/lib/postgresql';

const NEW_CLUSTER = ['--auth=trust', '--username=postgres', '--encoding=UTF8'];

/** A PostgreSQL of this application, which has no port: it listens on a socket that only its user can open. */
export interface EmbeddedPostgres {
  readonly url: string;
  /** Stops the server, unless another process uses it. */
  stop(): Promise<void>;
}

/** Key of a lock that each process which uses the server holds, shared. */
const IN_USE = 7;

/** Starts the newest PostgreSQL of this machine, with its data in `folder`, or uses the one that runs there. */
export async function startEmbeddedPostgres(
  folder: string,
): Promise<EmbeddedPostgres> {
  const programs = await findPrograms();
  const user = await findUser();
  const call = (program: string, ...args: string[]) =>
    run(join(programs, program), args, { cwd: '/', ...user });

  await mkdir(folder, { recursive: true });
  const data = join(folder, 'cluster');
  if (user) await chown(folder, user.uid, user.gid);
  if (!(await readdir(folder)).includes('cluster')) {
    await call('initdb', ...NEW_CLUSTER, data);
  }
  const listeningIn = async (host: string): Promise<EmbeddedPostgres> => {
    const url = `postgres://postgres@${encodeURIComponent(host)}/postgres`;
    const client = new Client(url);
    client.on('error', () => {});
    await client.connect();
    await client.query(`SELECT pg_advisory_lock_shared(${IN_USE})`);
    const stop = async () => {
      await client.query(`SELECT pg_advisory_unlock_shared(${IN_USE})`);
      const { rows } = await client.query<{ isLast: boolean }>(
        `SELECT pg_try_advisory_lock(${IN_USE}) AS "isLast"`,
      );
      if (rows[0]?.isLast) {
        await call('pg_ctl', '-D', data, '-m', 'fast', '-w', 'stop');
        await rm(host, { recursive: true, force: true });
      }
      await client.end();
    };
    return { url, stop };
  };

  // It runs if another process uses it, and after a kill -9 of the last one.
  const isRunning = await call('pg_ctl', '-D', data, 'status').then(
    () => true,
    () => false,
  );
  if (isRunning) return listeningIn(await findSocket(data));

  // The path of a socket has at most 107 characters.
  const host = await mkdtemp(join(tmpdir(), 'transcripts-'));
  if (user) await chown(host, user.uid, user.gid);
  const settings = `-c listen_addresses='' -k ${host}`;
  const log = join(folder, 'postgres.log');
  await call('pg_ctl', '-D', data, '-l', log, '-o', settings, '-w', 'start');
  return listeningIn(host);
}

/** Returns the folder of the socket of a server that runs, once it is ready. */
async function findSocket(data: string): Promise<string> {
  for (;;) {
    const text = await readFile(join(data, 'postmaster.pid'), 'utf8');
    const [, , , , host, , , status] = text.split('\n');
    if (host && status?.trim() === 'ready') return host;
    await setTimeout(100);
  }
}

async function findPrograms() {
  const versions = await readdir(PROGRAMS).catch(() => []);
  const [newest] = versions.toSorted((a, b) => Number(b) - Number(a));
  if (newest !== undefined) return join(PROGRAMS, newest, 'bin');
  throw new Error(
    'PostgreSQL is not installed. Install it (Debian: apt-get install postgresql), or run `docker compose up -d --wait` and set DATABASE_URL as compose.yaml says.',
  );
}

/** PostgreSQL refuses to run as root: returns the user that its Debian package makes. */
async function findUser() {
  if (process.getuid?.() !== 0) return undefined;
  const users = await readFile('/etc/passwd', 'utf8');
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(users) ?? [];
  if (uid === undefined) {
    throw new Error('Start this as another user than root.');
  }
  return { uid: Number(uid), gid: Number(gid) };
}
