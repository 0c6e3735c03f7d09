import { once } from 'node:events';
import { chown, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { engineFolder, type EngineFolder } from './engine-folder.js';
import { EngineServer, type EngineCommand } from './engine-server.js';
import { findPgbouncer, missingEngine } from './find-engines.js';
import { onFreePort } from './free-port.js';
import { ordinaryUser } from './ordinary-user.js';

/** Starts a PgBouncer in transaction mode on 127.0.0.1 in front of the PostgreSQL of a URL. */
export async function startPgbouncer(
  postgresUrl: string,
): Promise<PgbouncerServer> {
  return onFreePort(port => PgbouncerServer.start(postgresUrl, port));
}

/** A `pgbouncer` that tests may kill, pause and start again. */
export class PgbouncerServer extends EngineServer {
  static async start(
    postgresUrl: string,
    port: number,
  ): Promise<PgbouncerServer> {
    const program = findPgbouncer();
    if (program === undefined) throw new Error(missingEngine('pgbouncer'));
    const folder = await engineFolder();
    const user = await ordinaryUser();
    if (user) await chown(folder.path, user.uid, user.gid);
    const settings = join(folder.path, 'pgbouncer.ini');
    await writeFile(settings, settingsFor(postgresUrl, port));
    const server = new PgbouncerServer(postgresUrl, port, folder, {
      program,
      args: [settings],
      endSignal: 'SIGTERM',
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
    private readonly postgresUrl: string,
    port: number,
    folder: EngineFolder,
    command: EngineCommand,
  ) {
    super(port, folder, command);
  }

  get url(): string {
    const url = new URL(this.postgresUrl);
    url.port = String(this.port);
    return url.href;
  }

  protected async isAnswering(): Promise<boolean> {
    const socket = connect(this.port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      // Nobody listens yet.
      return false;
    } finally {
      socket.destroy();
    }
  }
}

function settingsFor(postgresUrl: string, port: number): string {
  const { hostname, port: behind, username } = new URL(postgresUrl);
  return `
[databases]
* = host=${hostname} port=${behind} user=${username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
`;
}
