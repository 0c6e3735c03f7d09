import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { PostgresDatabase } from './postgres.database.js';
import { SCHEMA_VERSION, schemaSql } from './postgres.schema.js';
import { MIGRATION_LOCK } from './postgres.statements.js';

/** Creates missing tables, while the application boots and when they were dropped. */
export class PostgresTables {
  private readonly logger = new Logger('Xenioo');
  private migrating: Promise<void> | undefined;
  private repairedAt = -Infinity;

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
    } catch (error) {
      if (!isForeignTable(error)) throw error;
      throw new XeniooInboxError(
        `schema ${this.settings.schema} of ${this.database.name} has a table of another application: ${describeError(error).message}. Set \`schema\` of postgresInbox() to another name`,
        { cause: error },
      );
    } finally {
      if (this.settings.migrate) {
        this.database.onError = (error, askedAt) => {
          if (isDamage(error) && askedAt > this.repairedAt) {
            this.repair();
          }
        };
      }
    }
  }

  private async check(): Promise<void> {
    if (await this.exist()) return;
    if (!this.settings.migrate) {
      throw new XeniooInboxError(
        `${this.database.name} has no tables in schema ${this.settings.schema}, and the inbox does not create them (\`migrate: false\`): run the SQL that \`npx nestjs-xenioo migrate --print\` prints`,
      );
    }
    await this.migrate();
  }

  /**
   * Returns true if the tables exist.
   * @throws {XeniooInboxError} when they have another version
   */
  private async exist(): Promise<boolean> {
    let version: string | null | undefined;
    try {
      const [row] = await this.database.query('version');
      version = row?.['version'];
    } catch (error) {
      if (!isMissingTable(error)) throw error;
    }
    if (version == null || Number(version) === SCHEMA_VERSION) {
      return version != null;
    }
    throw new XeniooInboxError(
      `the tables in schema ${this.settings.schema} of ${this.database.name} have version ${version}, and this version of nestjs-xenioo needs ${SCHEMA_VERSION}: install the version of the package that created them, or set \`schema\` to another name`,
    );
  }

  /** Creates the tables under a lock: several processes may boot at once. */
  private async migrate(): Promise<void> {
    await this.database.inTransaction(async client => {
      await client.query('SELECT pg_advisory_xact_lock($1, $2)', [
        this.database.lockKey,
        MIGRATION_LOCK,
      ]);
      await client.query(schemaSql(this.settings.schema));
    });
  }

  /** Creates missing tables and repairs the others, once at a time; not those of another version, from which a newer process may have removed tables. */
  private repair(): void {
    this.migrating ??= this.exist()
      .then(() => this.migrate())
      .then(() => {
        this.repairedAt = performance.now();
        this.logger.warn(
          `Tables in schema ${this.settings.schema} of ${this.database.name} were missing or emptied; they were created or repaired. What they contained is lost.`,
        );
      })
      .catch(() => {})
      .finally(() => (this.migrating = undefined));
  }
}

/** Returns true for an error that says that a table was dropped, or emptied alone. */
function isDamage(error: unknown): boolean {
  const { constraint } = error as { constraint?: unknown };
  return isMissingTable(error) || constraint === 'event_pkey';
}

/** Returns true for an error that says that a table has other columns, or columns of other types, than those of the inbox. */
function isForeignTable(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === '42703' || code === '42804' || code === '42883';
}

function isMissingTable(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === '42P01' || code === '3F000';
}
