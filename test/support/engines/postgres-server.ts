import { execFile } from 'node:child_process';
import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { engineFolder, type EngineFolder } from './engine-folder.js';
import { EngineServer, type EngineCommand } from './engine-server.js';
import { findPostgres, missingEngine } from './find-engines.js';
import { onFreePort } from './free-port.js';
import { ordinaryUser } from './ordinary-user.js';

const run = promisify(execFile);

export interface PostgresOptions {
  /** Settings beside those of `initdb`, as `postgresql.conf` has them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** @default a free one */
  readonly port?: number;
  /** Primary that this server is a standby of. Both begin with the data of the primary, which is killed and started again. */
  readonly standbyOf?: PostgresServer;
  /** Kept when the server stops. @default a temporary one, which is removed */
  readonly folder?: string;
}

/** Starts a PostgreSQL on 127.0.0.1 that has every answered commit on its disk. */
export async function startPostgres(
  options: PostgresOptions = {},
): Promise<PostgresServer> {
  const { port } = options;
  if (port !== undefined) return PostgresServer.start(options, port);
  return onFreePort(free => PostgresServer.start(options, free));
}

/** A `postgres` that tests may kill, pause and start again. */
export class PostgresServer extends EngineServer {
  static async start(
    { settings = {}, folder: path, standbyOf }: PostgresOptions,
    port: number,
  ): Promise<PostgresServer> {
    const programs = findPostgres();
    if (programs === undefined) throw new Error(missingEngine('postgres'));
    const folder = await engineFolder(path);
    const data = join(folder.path, 'data');
    const user = await ordinaryUser();
    if (user) await chown(folder.path, user.uid, user.gid);
    await mkdir(data, { recursive: true });
    if (user) await chown(data, user.uid, user.gid);
    if (standbyOf) await standbyOf.copyForStandby(data);
    else {
      const options = ['-A', 'trust', '-U', 'postgres', '-E', 'UTF8'];
      await run(
        join(programs, 'initdb'),
        ['-D', data, ...options, '--no-sync'],
        { cwd: folder.path, ...user },
      );
    }
    const given = {
      port: String(port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: '200',
      ...(standbyOf && {
        primary_conninfo: `host=127.0.0.1 port=${standbyOf.port} user=postgres`,
      }),
      ...settings,
    };
    const args = Object.entries(given).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]);
    const server = new PostgresServer(port, folder, {
      program: join(programs, 'postgres'),
      args: ['-D', data, ...args],
      // Ends connections and writes a checkpoint; SIGTERM would wait for clients.
      endSignal: 'SIGINT',
      ...(user && { user }),
    });
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  private constructor(
    port: number,
    folder: EngineFolder,
    command: EngineCommand,
  ) {
    super(port, folder, command);
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  /** `pg_basebackup`, which not every package contains, would do the same without a restart. */
  private async copyForStandby(data: string): Promise<void> {
    await this.kill();
    await run('cp', ['-a', `${join(this.folder, 'data')}/.`, data]);
    await rm(join(data, 'postmaster.pid'));
    await writeFile(join(data, 'standby.signal'), '');
    await this.start();
  }

  /** The last line of its file says so, and the first line which process it is. */
  protected async isAnswering(): Promise<boolean> {
    const file = join(this.folder, 'data', 'postmaster.pid');
    const text = await readFile(file, 'utf8').catch(() => '');
    const lines = text.split('\n');
    return lines[0] === String(this.pid) && lines[7]?.trim() === 'ready';
  }
}
