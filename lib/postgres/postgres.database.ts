import { Logger } from '@nestjs/common';
import type { Client, Pool, PoolClient, PoolConfig, QueryConfig } from 'pg';
import { describeError } from '../describe-error.js';
import { isPoolingError, POOLING_REMEDY } from './is-pooling-error.js';
import { settledWithin } from '../settled-within.js';
import type { Pg } from './load-pg.js';
import {
  isPool,
  RESERVED_CONNECTIONS,
  type PostgresInboxSettings,
} from './postgres.inbox-options.js';
import { riskQuery, risksOf, type ServerSettings } from './postgres.risks.js';
import {
  lockKeyOf,
  statementsFor,
  type Statements,
} from './postgres.statements.js';
import { AS_TEXT, type Row } from './postgres.values.js';

const APPLICATION_NAME = 'nestjs-xenioo';

/** Begins a transaction, whatever the default isolation level of the database. */
export const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED';

const DEFAULT_POOL_SIZE = 10;

/** Timeout in milliseconds of the statements of the inbox; a later answer is ignored. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** Timeout in milliseconds of the statements of a session. */
const SESSION_TIMEOUT_MS = 5_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000;

/** Time in milliseconds without a failure after which the database may work again; longer than the delay before any statement is repeated. */
const SETTLED_AFTER_MS = 1_000;

/** Minimum interval in milliseconds between two log lines about failures. */
const REPORT_EVERY_MS = 10_000;

const CLOSE_WITHIN_MS = 1_000;

/** Runs the statements of the inbox, and logs when the database fails and when it works again. */
export class PostgresDatabase {
  /** Description for messages, without user and password: `'PostgreSQL at localhost:5432, database app'`. */
  readonly name: string;
  /** First key of the advisory locks of the schema. */
  readonly lockKey: number;
  /** Upper bound of the transactions of handlers that run at once. */
  readonly maxTransactions: number;

  /** Called with the error of each statement of the inbox that fails. */
  onError: ((error: unknown, askedAt: number) => void) | undefined;

  private readonly logger = new Logger('Xenioo');
  /** SQL of the statements, by name. */
  readonly statements: Statements;
  private readonly settings: Pick<
    PostgresInboxSettings,
    'schema' | 'migrate' | 'transactionPooling'
  >;
  // # fields, so that printing the inbox shows no password.
  readonly #pool: Pool;
  readonly #config: PoolConfig;
  readonly #ignoreError = () => {};
  private readonly isOwnPool: boolean;
  isClosed = false;
  private hasFailed = false;
  private isProbing = false;
  private failedAt = -Infinity;
  private recoveredAt = -Infinity;
  private reportAgainAt = -Infinity;

  constructor(
    private readonly pg: Pg,
    options: Pick<
      PostgresInboxSettings,
      'connection' | 'schema' | 'migrate' | 'transactionPooling'
    >,
    private readonly acceptTimeoutMs: number,
  ) {
    const { connection, ...settings } = options;
    this.settings = settings;
    const { schema } = settings;
    this.statements = statementsFor(schema);
    this.lockKey = lockKeyOf(schema);
    this.isOwnPool = !isPool(connection);
    if (isPool(connection)) {
      this.#pool = connection;
      this.#config = connection.options;
    } else {
      this.#config = this.configOf(connection, acceptTimeoutMs);
      this.#pool = new pg.Pool(this.#config);
    }
    // Without a listener, an idle connection that fails ends the process.
    this.#pool.on('error', this.#ignoreError);
    const { max = DEFAULT_POOL_SIZE } = this.#config;
    this.maxTransactions = max - RESERVED_CONNECTIONS;
    const { host, port, database } = new pg.Client(this.#config);
    this.name = `PostgreSQL at ${host}:${port}, database ${database}`;
  }

  /**
   * Runs a statement of the inbox.
   * @throws {Error} when there is no answer within `timeoutMs`; the statement may have been committed
   */
  async query(
    name: keyof Statements,
    values: unknown[] = [],
    timeoutMs = STATEMENT_TIMEOUT_MS,
  ): Promise<Row[]> {
    const askedAt = performance.now();
    try {
      return await this.rowsWithin(
        this.#pool.query<Row>(this.configFor(name, values, timeoutMs)),
        timeoutMs,
      );
    } catch (error) {
      if (!this.isClosed) this.onError?.(error, askedAt);
      throw error;
    }
  }

  /** Runs a statement of the inbox on a connection that is in a transaction. */
  async queryOn(
    client: PoolClient,
    name: keyof Statements,
    values: unknown[] = [],
  ): Promise<Row[]> {
    const { rows } = await client.query<Row>(
      this.configFor(name, values, STATEMENT_TIMEOUT_MS),
    );
    return rows;
  }

  /** Runs work on a connection in a transaction, which is rolled back if the work rejects. */
  async inTransaction<R>(work: (client: PoolClient) => Promise<R>): Promise<R> {
    const client = await this.connect();
    let isDone = false;
    try {
      await client.query(BEGIN);
      const result = await work(client);
      await client.query('COMMIT');
      isDone = true;
      return result;
    } finally {
      this.release(client, !isDone);
    }
  }

  /** Takes a connection out of the pool; return it with `release()`. */
  connect(): Promise<PoolClient> {
    return new Promise((resolve, reject) => {
      this.#pool.connect((error, client) => {
        // Without a listener, a connection in use that fails ends the process. It may fail before a promise would resolve.
        client?.on('error', this.#ignoreError);
        if (client) resolve(client);
        else reject(error!);
      });
    });
  }

  /**
   * Returns a connection to the pool.
   * @param isBroken true to close it, which rolls its transaction back
   */
  release(client: PoolClient, isBroken: boolean): void {
    client.off('error', this.#ignoreError);
    // It may emit another error while it closes.
    if (isBroken) client.on('error', this.#ignoreError);
    client.release(isBroken);
  }

  /** Creates a connection outside of the pool. */
  createSession(): Client {
    const client = new this.pg.Client({
      ...this.#config,
      password: this.#config.password,
      application_name: `${APPLICATION_NAME} (session)`,
      keepAlive: true,
      statement_timeout: false,
      query_timeout: SESSION_TIMEOUT_MS,
    });
    client.on('error', this.#ignoreError);
    return client;
  }

  async notify(channel: string, payload: string): Promise<void> {
    await this.#pool.query({
      text: 'SELECT pg_notify($1, $2)',
      values: [channel, payload],
      query_timeout: STATEMENT_TIMEOUT_MS,
    } as QueryConfig);
  }

  /** Logs a warning for each server setting that may lose events answered 200. */
  async logRisks(): Promise<void> {
    try {
      const { rows } = await this.#pool.query<Row>({
        text: riskQuery,
        types: AS_TEXT,
      });
      const settings = rows[0] as unknown as ServerSettings;
      for (const risk of risksOf(this.name, settings)) this.logger.warn(risk);
    } catch (error) {
      this.logger.warn(
        `Reading the settings of ${this.name} failed; they are not checked: ${describeError(error).message}`,
      );
    }
  }

  /** True from a failure until the database works again. */
  get isFailing(): boolean {
    return this.hasFailed;
  }

  /** Logs the first failure of a row of failures, at most every `REPORT_EVERY_MS`; ignores statements sent before the last recovery. */
  reportFailure(error: unknown, askedAt: number): void {
    if (this.isClosed) return;
    if (askedAt < this.recoveredAt) return;
    this.failedAt = performance.now();
    if (this.hasFailed || this.failedAt < this.reportAgainAt) return;
    this.hasFailed = true;
    this.reportAgainAt = this.failedAt + REPORT_EVERY_MS;
    const remedy = isPoolingError(error) ? ` ${POOLING_REMEDY}` : '';
    this.logger.error(
      `${this.name} failed; retrying: ${describeError(error).message}. Until it works again, calls may be answered 503 and stored events wait.${remedy}`,
    );
  }

  /**
   * Logs that the database works again once it confirms a commit: other statements succeed even while accepting fails. Ignores
   * statements sent shortly after the last failure: a statement that keeps failing is repeated within that time.
   */
  reportRecovery(askedAt: number): void {
    const isEarly = askedAt < this.failedAt + SETTLED_AFTER_MS;
    if (!this.hasFailed || this.isProbing || isEarly) return;
    void this.logRecovery();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.#pool.off('error', this.#ignoreError);
    if (!this.isOwnPool) return;
    this.#pool.on('error', this.#ignoreError);
    await settledWithin(
      this.#pool.end().catch(() => {}),
      CLOSE_WITHIN_MS,
    );
  }

  /** Closes the idle connections, which may be as silent as one that gave no answer. */
  private closeIdleConnections(): void {
    for (let count = this.#pool.idleCount; count > 0; count--) {
      this.connect().then(
        client => {
          // pg destroys the socket of a client that has no answer yet, and waits for the server otherwise.
          client.query('SELECT').catch(this.#ignoreError);
          this.release(client, true);
        },
        () => {},
      );
    }
  }

  private async logRecovery(): Promise<void> {
    this.isProbing = true;
    const askedAt = performance.now();
    try {
      await this.query('probe', [], this.acceptTimeoutMs);
      if (!this.isClosed && askedAt >= this.failedAt) {
        this.hasFailed = false;
        this.recoveredAt = askedAt;
        this.logger.log(`${this.name} works again.`);
      }
    } catch {
      // The next statement that succeeds leads to another probe.
    }
    this.isProbing = false;
  }

  private configFor(
    name: keyof Statements,
    values: unknown[],
    timeoutMs: number,
  ): QueryConfig {
    const { schema, transactionPooling } = this.settings;
    return {
      text: this.statements[name],
      values,
      types: AS_TEXT,
      query_timeout: timeoutMs,
      ...(!transactionPooling && { name: `${schema}_${name}` }),
    } as QueryConfig;
  }

  private configOf(
    connection: string | PoolConfig,
    acceptTimeoutMs: number,
  ): PoolConfig {
    const given =
      typeof connection === 'string'
        ? { connectionString: connection }
        : connection;
    return {
      application_name: APPLICATION_NAME,
      connectionTimeoutMillis: acceptTimeoutMs,
      keepAlive: true,
      max: DEFAULT_POOL_SIZE,
      ...(!this.settings.transactionPooling && {
        statement_timeout: STATEMENT_TIMEOUT_MS,
        idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
        options: `${process.env['PGOPTIONS'] ?? ''} -c default_transaction_isolation=read\\ committed -c jit=off`,
      }),
      ...given,
    };
  }

  private async rowsWithin<R>(
    answer: Promise<{ rows: R[] }>,
    timeoutMs: number,
  ): Promise<R[]> {
    if (await settledWithin(answer, timeoutMs)) return (await answer).rows;
    answer.catch(() => {});
    this.closeIdleConnections();
    throw new Error(`no answer within ${timeoutMs} ms`);
  }
}
