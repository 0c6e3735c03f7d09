import type { FactoryProvider } from '@nestjs/common';
import type { Pool, PoolConfig } from 'pg';
import type { XeniooTransaction } from '../handlers/xenioo-transaction.js';
import { kindOf, quote } from '../options/describe-value.js';
import { rangeProblems } from '../options/range-problems.js';
import { unknownNameProblems } from '../options/unknown-name-problems.js';
import { withoutUndefined } from '../options/without-undefined.js';
import { XeniooOptionsError } from '../xenioo.errors.js';
import { SCHEMA_NAME } from './postgres.schema.js';

/** Options of `postgresInbox()`. */
export interface PostgresInboxOptions {
  /**
   * Database connection: a URL (`'postgres://…'`), options of `pg`, or a `Pool` of
   * `pg` of your application, which the inbox does not end.
   */
  connection: string | PoolConfig | Pool;

  /**
   * Schema of the tables. Each application, and each instance of `XeniooModule`,
   * needs a schema of its own.
   * @default 'xenioo'
   */
  schema?: string | undefined;

  /**
   * Handles events in this process, up to the module option `concurrency` at once.
   * Set `false` in a process that only receives events.
   * @default true
   */
  worker?: boolean | undefined;

  /**
   * Time in milliseconds after which other processes take over the events of a
   * process that sends no heartbeat.
   * @default 15_000
   */
  leaseMs?: number | undefined;

  /**
   * Days after which a dead letter is removed.
   * @default 90
   */
  deadLetterRetentionDays?: number | undefined;

  /**
   * Creates the tables while the application boots if they do not exist.
   * @default true
   */
  migrate?: boolean | undefined;

  /**
   * Set `true` if the connection goes through PgBouncer or another pooler in
   * transaction mode: the inbox then uses no `LISTEN`, no prepared statements and no
   * session settings.
   * @default false
   */
  transactionPooling?: boolean | undefined;

  /**
   * Runs transactional handlers in a transaction of your ORM: begins it, calls
   * `work` with an object that runs statements in it, commits when the promise of
   * `work` resolves and rolls back when it rejects. When a handler times out, `work`
   * rejects once the handler has ended, or after another `handlerTimeoutMs`.
   */
  transaction?: PostgresTransactionRunner | undefined;
}

/** Function that runs `work` in a transaction: commits when it resolves; rolls back and rejects when it rejects. */
export type PostgresTransactionRunner = (
  work: (tx: XeniooTransaction) => Promise<void>,
) => Promise<void>;

/** Factory of the options, with the providers that `inject` lists as arguments. */
export type PostgresInboxOptionsFactory = Pick<
  FactoryProvider<PostgresInboxOptions>,
  'inject' | 'useFactory'
>;

/** Validated options with defaults applied. */
export interface PostgresInboxSettings {
  readonly connection: PostgresInboxOptions['connection'];
  readonly schema: string;
  readonly worker: boolean;
  readonly leaseMs: number;
  readonly deadLetterRetentionDays: number;
  readonly migrate: boolean;
  readonly transactionPooling: boolean;
  readonly transaction?: PostgresTransactionRunner;
}

/** Number of connections of the pool that the inbox reserves for its own statements. */
export const RESERVED_CONNECTIONS = 3;

const DEFAULTS = {
  schema: 'xenioo',
  worker: true,
  leaseMs: 15_000,
  deadLetterRetentionDays: 90,
  migrate: true,
  transactionPooling: false,
} as const;

const RANGES = {
  leaseMs: [2_000, 3_600_000],
  deadLetterRetentionDays: [1, 36_500],
} as const;

const FLAGS = ['worker', 'migrate', 'transactionPooling'] as const;

/**
 * Validates the options and applies the defaults.
 * @throws {XeniooOptionsError} with every problem found
 */
export function resolvePostgresInboxOptions(
  given: unknown,
): PostgresInboxSettings {
  if (!isObject(given)) {
    throw new XeniooOptionsError([
      `expected postgresInbox() to get an object of options, got ${kindOf(given)}`,
    ]);
  }
  const options: Record<string, unknown> = {
    ...DEFAULTS,
    ...withoutUndefined(given),
  };
  const names = ['connection', 'transaction', ...Object.keys(DEFAULTS)];
  const problems = [
    ...unknownNameProblems(options, names),
    ...rangeProblems(options, RANGES),
    ...connectionProblems(options['connection']),
    ...FLAGS.filter(name => typeof options[name] !== 'boolean').map(
      name =>
        `expected \`${name}\` of postgresInbox() to be true or false, got ${kindOf(options[name])}`,
    ),
    ...otherProblems(options),
  ];
  if (problems.length > 0) throw new XeniooOptionsError(problems);
  return options as unknown as PostgresInboxSettings;
}

function otherProblems({
  schema,
  transaction,
}: Readonly<Record<string, unknown>>): string[] {
  const problems: string[] = [];
  if (typeof schema !== 'string' || !SCHEMA_NAME.test(schema)) {
    problems.push(
      `expected \`schema\` of postgresInbox() to be up to 40 lower-case letters, digits and underscores and not to begin with a digit, got ${quote(schema)}`,
    );
  }
  if (transaction !== undefined && typeof transaction !== 'function') {
    problems.push(
      `expected \`transaction\` of postgresInbox() to be a function, got ${kindOf(transaction)}`,
    );
  }
  return problems;
}

/** Returns the problems of the option `connection`, without its value, which may contain a password. */
function connectionProblems(connection: unknown): string[] {
  const expected = 'expected `connection` of postgresInbox() to be';
  if (typeof connection === 'string') {
    return isPostgresUrl(connection)
      ? []
      : [
          `${expected} a valid URL that begins with postgres://, got another text: escape special characters of the password with encodeURIComponent()`,
        ];
  }
  if (!isObject(connection)) {
    return [
      `${expected} a URL (postgres://…), options of pg or a Pool of pg, got ${kindOf(connection)}`,
    ];
  }
  const { max } = (
    isPool(connection) ? connection.options : connection
  ) as PoolConfig;
  return max !== undefined && max <= RESERVED_CONNECTIONS
    ? [
        `${expected} a pool of at least ${RESERVED_CONNECTIONS + 1} connections (\`max\`), got ${quote(max)}`,
      ]
    : [];
}

/** Returns true for a valid URL. An `@` behind the host comes from a password with unescaped characters, which would pass for host and database. */
function isPostgresUrl(text: string): boolean {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { username, password, pathname, search, hash } = new URL(text);
  try {
    decodeURIComponent(`${username}${password}${pathname}`);
  } catch {
    return false;
  }
  return !`${pathname}${search}${hash}`.includes('@');
}

/** Returns true for a pool of any copy of `pg`: `instanceof` would know one copy only. */
export function isPool(connection: object | string): connection is Pool {
  return (
    typeof connection === 'object' &&
    'totalCount' in connection &&
    'connect' in connection
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
