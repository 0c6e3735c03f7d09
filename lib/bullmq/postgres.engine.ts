import {
  createPostgresBackend,
  DEFAULT_SCHEMA,
  Queue,
  runMigrations,
  Worker,
  type PostgresConnectionOptions,
  type PostgresPoolConfig,
  type Processor,
  type WorkerOptions,
} from 'bullmq';
import type { Pool, PoolConfig } from 'pg';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';
import type { BullmqEngine, OpenEngine } from './bullmq.engine.js';
import type { BullmqInboxSettings } from './bullmq.inbox-options.js';
import { ownOptions, placeOf } from './postgres.config.js';
import { PostgresClaims } from './postgres.claims.js';
import { patientPool, quietPool, type PoolClass } from './postgres.pool.js';
import { risksOf } from './postgres.risks.js';
import type { StoredJob, XeniooQueue, XeniooWorker } from './stored-job.js';

/** A connection that is not made, and a query that is not answered within that, has failed. */
const ANSWER_WITHIN_MS = 5_000;

/** Events that others may read of the queue, as a dashboard; BullMQ keeps 10,000. */
const KEPT_QUEUE_EVENTS = 1_000;

/** BullMQ on PostgreSQL. */
export class PostgresEngine implements BullmqEngine {
  readonly name: string;
  // Each id takes a lock until the commit, and the server has few thousands in all.
  readonly jobsAtOnce = 500;
  readonly callsAtOnce = 2;
  readonly gathers = true;

  private readonly config: PoolConfig;
  private readonly isToBeMigrated: boolean;

  constructor(
    private readonly settings: BullmqInboxSettings,
    /** The `Pool` class of pg: an optional peer, loaded by whoever needs it. */
    private readonly pool: PoolClass,
  ) {
    const { connection } = settings;
    const {
      schema: _schema,
      migrate,
      skipMigrations = false,
      skipVersionCheck: _,
      ...config
    } = (
      typeof connection === 'string'
        ? { connectionString: connection }
        : connection
    ) as PostgresPoolConfig & PoolConfig;
    this.isToBeMigrated = migrate ?? !skipMigrations;
    const { connectionString, options: given } = ownOptions(config);
    const options = `-c search_path=${DEFAULT_SCHEMA}`;
    this.config = {
      query_timeout: ANSWER_WITHIN_MS,
      connectionTimeoutMillis: ANSWER_WITHIN_MS,
      keepAlive: true,
      ...config,
      ...(connectionString !== undefined && { connectionString }),
      options: given ? `${given} ${options}` : options,
    };
    this.name = `PostgreSQL at ${placeOf(this.config)}`;
  }

  async open(): Promise<OpenEngine> {
    const pool = quietPool(this.pool, this.config);
    try {
      if (this.isToBeMigrated) await this.migrate(pool);
      return await OpenPostgres.on(pool, this.settings, {
        workerPool: () => patientPool(this.pool, this.config),
        migrate: async () => {
          if (this.isToBeMigrated) await this.migrate(pool);
        },
      });
    } catch (error) {
      void pool.end();
      throw error;
    }
  }

  isRefusal(error: unknown): boolean {
    const { code } = error as { code?: unknown };
    // Data that it does not take, a constraint, a limit.
    return typeof code === 'string' && /^(22|23|54)/.test(code);
  }

  private async migrate(pool: Pool): Promise<void> {
    const client = await pool.connect();
    try {
      await runMigrations(client);
    } finally {
      client.release();
    }
  }
}

interface HowToOpen {
  readonly workerPool: () => Pool;
  readonly migrate: () => Promise<void>;
}

class OpenPostgres implements OpenEngine {
  /** Each question to it tells by itself, soon. */
  readonly isUp = true;

  private constructor(
    readonly queue: XeniooQueue,
    private readonly pool: Pool,
    private readonly claims: PostgresClaims,
    private readonly how: HowToOpen,
  ) {}

  static async on(
    pool: Pool,
    { queue: name }: BullmqInboxSettings,
    how: HowToOpen,
  ): Promise<OpenPostgres> {
    const queue = new Queue(
      name,
      {
        connection: pool as PostgresConnectionOptions,
        streams: { events: { maxLen: KEPT_QUEUE_EVENTS } },
      },
      createPostgresBackend,
    ) as unknown as XeniooQueue;
    queue.on('error', () => {});
    await queue.waitUntilReady();
    const claims = new PostgresClaims(pool, name);
    return new OpenPostgres(queue, pool, claims, how);
  }

  async openWorker(
    processor: Processor<StoredJob, void>,
    options: Omit<WorkerOptions, 'connection'>,
  ): Promise<XeniooWorker> {
    const pool = this.how.workerPool();
    const worker = new Worker(
      this.queue.name,
      processor,
      { ...options, connection: pool as PostgresConnectionOptions },
      createPostgresBackend,
    ) as unknown as XeniooWorker;
    worker.on('error', () => {});
    const letGo = () => void pool.end().catch(() => {});
    worker.once('closed', letGo);
    try {
      await worker.waitUntilReady();
      return worker;
    } catch (error) {
      // It would stay so, even when the server is there again.
      await worker.close(true).catch(() => {});
      throw error;
    }
  }

  /** What was known it does not tell: asking would cost more than the number is worth. */
  async noteClaims(
    ids: readonly string[],
    dedupe: XeniooDedupeSettings,
    added: Promise<void>,
  ): Promise<void> {
    await added;
    await this.claims.note(ids.length, dedupe);
  }

  risks(): Promise<string[]> {
    return risksOf(this.pool);
  }

  /** It has its disk, and tells by an error when that is full. */
  async hasRoomFor(): Promise<boolean> {
    return true;
  }

  /** Makes the tables again where somebody has dropped them. */
  async mend(error: unknown): Promise<void> {
    const { code } = error as { code?: unknown };
    if (/^(42883|42P01|3F000)$/.test(String(code))) await this.how.migrate();
  }

  async close(): Promise<void> {
    await this.queue.close();
    await this.pool.end();
  }
}
