import { Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { drizzle, NodePgDatabase } from 'drizzle-orm/node-postgres';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Pool } from 'pg';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from './embedded-postgres.js';

const logger = new Logger('Database');

const SAMPLE = new URL('..', import.meta.url);

/** The connections to the database, and the server itself unless DATABASE_URL names one. */
class Database {
  private constructor(
    readonly pool: Pool,
    private readonly server?: EmbeddedPostgres,
  ) {}

  static async open(): Promise<Database> {
    const connectionString = process.env.DATABASE_URL;
    if (connectionString !== undefined) {
      return new Database(new Pool({ connectionString, max: 20 }));
    }
    const folder =
      process.env.POSTGRES_FOLDER ??
      fileURLToPath(new URL('data/postgres', SAMPLE));
    const server = await startEmbeddedPostgres(folder);
    const { host } = server;
    const pool = new Pool({ host, user: 'postgres', max: 20 });
    return new Database(pool, server);
  }

  /** Makes the tables. Processes that start at once wait for each other. */
  async migrate(): Promise<void> {
    const schema = await readFile(new URL('schema.sql', SAMPLE), 'utf8');
    await this.pool.query(`SELECT pg_advisory_xact_lock(6); ${schema}`);
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
        // Without a listener, a lost idle connection would end the process.
        database.pool.on('error', error => {
          if (!database.pool.ending) logger.warn(error.message);
        });
        await database.migrate();
        return database;
      },
    },
    {
      provide: Pool,
      inject: [Database],
      useFactory: ({ pool }: Database) => pool,
    },
    {
      provide: NodePgDatabase,
      inject: [Pool],
      useFactory: (pool: Pool) => drizzle({ client: pool }),
    },
  ],
  exports: [Pool, NodePgDatabase],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(private readonly database: Database) {}

  async onApplicationShutdown() {
    await this.database.close();
  }
}
