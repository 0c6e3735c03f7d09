import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { createDatabase } from './create-database.js';
import { engineFolder, type EngineFolder } from './engine-folder.js';
import { EngineServer } from './engine-server.js';
import { findPostgresFolder, missingEngine } from './find-engines.js';
import { onFreePort } from './free-port.js';
import { unprivilegedUser } from './unprivileged-user.js';

export interface PostgresOptions {
  /** Server settings by name, such as `max_connections`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** @default a free one */
  readonly port?: number;
  /** Kept when the server stops. @default a temporary one, which is removed */
  readonly folder?: string;
}

const run = promisify(execFile);

/** How long an answer may take before another question. */
const ANSWER_MS = 1_000;

/** Starts a PostgreSQL on 127.0.0.1 that has every commit on its disk. */
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
    options: PostgresOptions,
    port: number,
  ): Promise<PostgresServer> {
    const programs = findPostgresFolder();
    if (programs === undefined) throw new Error(missingEngine('postgres'));
    const folder = await engineFolder(options.folder);
    const server = new PostgresServer(programs, port, folder, options);
    try {
      await server.prepareFolder();
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  private constructor(
    private readonly programs: string,
    port: number,
    folder: EngineFolder,
    options: PostgresOptions,
  ) {
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
      ...options.settings,
    };
    const user = unprivilegedUser();
    const args = Object.entries(settings).map(
      ([name, value]) => `--${name}=${value}`,
    );
    super(port, folder, {
      program: join(programs, 'postgres'),
      args: ['-D', join(folder.path, 'data'), ...args],
      ...(user && { user }),
      // Ends at once and gives its shared memory back.
      endSignal: 'SIGQUIT',
    });
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  /** Makes an empty database, in place of an older one of that name, and returns its URL. */
  databaseUrl(name: string): Promise<string> {
    return createDatabase(this.url, name);
  }

  /** It takes connections before it answers questions. */
  protected async isAnswering(): Promise<boolean> {
    const client = new Client({
      connectionString: this.url,
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
    });
    // A server that ends meanwhile is seen by its exit.
    client.on('error', () => {});
    try {
      await client.connect();
      const { rows } = await client.query('SHOW data_directory');
      return (rows[0] as Row).data_directory === this.dataFolder;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => {});
    }
  }

  private get dataFolder(): string {
    return join(this.folder, 'data');
  }

  private async prepareFolder(): Promise<void> {
    if (existsSync(join(this.dataFolder, 'PG_VERSION'))) return;
    const user = unprivilegedUser();
    if (user) await chown(this.folder, user.uid, user.gid);
    const options = '-A trust -U postgres --no-sync -E UTF8 --locale=C';
    await run(
      join(this.programs, 'initdb'),
      ['-D', this.dataFolder, ...options.split(' ')],
      { cwd: this.folder, ...user },
    );
  }
}

interface Row {
  readonly data_directory: string;
}
