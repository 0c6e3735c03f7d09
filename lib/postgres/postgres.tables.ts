import { Logger } from '@nestjs/common';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { PostgresDatabase } from './postgres.database.js';
import { SCHEMA_VERSION, schemaSql } from './postgres.schema.js';

/** Creates missing tables, while the application boots and when they were dropped. */
export class PostgresTables {
  private readonly logger = new Logger('Xenioo');
  private migrating: Promise<void> | undefined;
  private recreatedAt = -Infinity;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly settings: {
      readonly schema: string;
      readonly migrate: boolean;
    },
  ) {}

  /**
   * Checks the version of the tables, and creates them if they do not exist.
   * @throws {XeniooInboxError} when they have another version, or do not exist and `migrate` is false
   */
  async open(): Promise<void> {
    try {
      await this.check();
    } finally {
      // Not before: the tables that the first boot does not find were not dropped.
      if (this.settings.migrate) {
        this.database.onError = (error, askedAt) => {
          if (isMissingTable(error) && askedAt > this.recreatedAt) {
            this.recreateTables();
          }
        };
      }
    }
  }

  private async check(): Promise<void> {
    const version = await this.version();
    if (version === SCHEMA_VERSION) return;
    const { schema } = this.settings;
    if (version !== undefined) {
      throw new XeniooInboxError(
        `the tables in schema ${schema} of ${this.database.name} have version ${version}, and this version of nestjs-xenioo needs ${SCHEMA_VERSION}: install the version of the package that created them, or set \`schema\` to another name`,
      );
    }
    if (!this.settings.migrate) {
      throw new XeniooInboxError(
        `${this.database.name} has no tables in schema ${schema}, and the inbox does not create them (\`migrate: false\`): run the SQL that \`npx nestjs-xenioo migrate --print\` prints`,
      );
    }
    await this.migrate();
  }

  /** Returns the version of the tables, or `undefined` if they do not exist. */
  private async version(): Promise<number | undefined> {
    try {
      const [row] = await this.database.query('version');
      return row?.['version'] == null ? undefined : Number(row['version']);
    } catch (error) {
      if (isMissingTable(error)) return undefined;
      throw error;
    }
  }

  /** Creates the tables under a lock: several processes may boot at once. */
  private async migrate(): Promise<void> {
    const client = await this.database.connect();
    let isDone = false;
    try {
      await client.query('BEGIN');
      await client.query('SELECT pg_advisory_xact_lock($1, -1)', [
        this.database.lockKey,
      ]);
      await client.query(schemaSql(this.settings.schema));
      await client.query('COMMIT');
      isDone = true;
    } finally {
      this.database.release(client, !isDone);
    }
  }

  /** Creates dropped tables again, once at a time. */
  private recreateTables(): void {
    this.migrating ??= this.migrate()
      .then(() => {
        this.recreatedAt = performance.now();
        this.logger.warn(
          `Tables in schema ${this.settings.schema} of ${this.database.name} were dropped; they were created again, without what they contained.`,
        );
      })
      .catch(() => {})
      .finally(() => (this.migrating = undefined));
  }
}

function isMissingTable(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === '42P01' || code === '3F000';
}
