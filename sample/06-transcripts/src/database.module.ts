import { Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { drizzle, NodePgDatabase } from 'drizzle-orm/node-postgres';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Client, Pool } from 'pg';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from './embedded-postgres.js';

const logger = new Logger('Database');

const SAMPLE = new URL('..', import.meta.url);

/** The pool of the page, and the server itself unless DATABASE_URL names one. */
export class Database {
  readonly pool: Pool;

  private constructor(
    readonly url: string,
    private readonly server?: EmbeddedPostgres,
  ) {
    this.pool = new Pool({
      connectionString: url,
      max: 10,
      statement_timeout: 5_000,
      connectionTimeoutMillis: 5_000,
    });
    // Without a listener, a lost idle connection would end the process.
    this.pool.on('error', error => {
      if (!this.pool.ending) logger.warn(error.message);
    });
  }

  static async open(): Promise<Database> {
    const url = process.env.DATABASE_URL;
    if (url !== undefined) return new Database(url);
    const folder =
      process.env.POSTGRES_FOLDER ??
      fileURLToPath(new URL('data/postgres', SAMPLE));
    const server = await startEmbeddedPostgres(folder);
    return new Database(server.url, server);
  }

  /** Makes the tables. Processes that start at once wait for each other. */
  async migrate(): Promise<void> {
    const schema = await readFile(new URL('schema.sql', SAMPLE), 'utf8');
    const client = new Client(this.url);
    await client.connect();
    try {
      await client.query(`SELECT pg_advisory_xact_lock(6); ${schema}`);
    } finally {
      await client.end();
    }
  }

  async close(): Promise<void> {
    await this.pool.end();
    await this.server?.stop();
  }
}

@Module({
  providers: [
    {
      provide: Database,
      useFactory: async () => {
        const database = await Database.open();
        await database.migrate();
        return database;
      },
    },
    {
      provide: NodePgDatabase,
      inject: [Database],
      useFactory: ({ pool }: Database) => drizzle({ client: pool }),
    },
  ],
  exports: [Database, NodePgDatabase],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(private readonly database: Database) {}

  async onApplicationShutdown() {
    await this.database.close();
  }
}
