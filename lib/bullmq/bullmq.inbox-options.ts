import type { FactoryProvider } from '@nestjs/common';
import type {
  BackendFactory,
  ConnectionOptions,
  IQueueBackend,
  PostgresConnectionOptions,
} from 'bullmq';
import { kindOf } from '../options/describe-value.js';
import { withoutUndefined } from '../options/without-undefined.js';
import { XeniooOptionsError } from '../xenioo.errors.js';
import { bullmqOptionsProblems, isObject } from './bullmq-options.check.js';

/** What `bullmqInbox()` takes. */
export interface BullmqInboxOptions {
  /**
   * Where the engine is. Of Redis: a URL (`'redis://…'`), options of ioredis, or a
   * client of ioredis, which is copied. Of PostgreSQL: a URL (`'postgres://…'`), or,
   * with `backend: createPostgresBackend`, options of a `pg.Pool`.
   * @default that of `BullModule.forRoot()`
   */
  connection?: string | ConnectionOptions | PostgresConnectionOptions;

  /**
   * `createPostgresBackend` or `createRedisBackend` of BullMQ. Not needed beside a URL.
   * @default Redis
   */
  backend?: BullmqBackend | undefined;

  /**
   * Name of the queue. Instances of `XeniooModule` with other secrets or handlers need one of their own.
   * @default 'xenioo'
   */
  queue?: string | undefined;

  /**
   * Before the names of all keys in Redis.
   * @default 'bull'
   */
  prefix?: string | undefined;

  /**
   * Whether this process handles events: `false` in one that only receives them,
   * an object to say how.
   * @default true
   */
  worker?: boolean | BullmqWorkerOptions | undefined;

  /**
   * How long dead letters are kept, in days.
   * @default 90
   */
  keepDeadLettersDays?: number | undefined;
}

/** How a process handles events. */
export interface BullmqWorkerOptions {
  /**
   * Events handled at once in this process.
   * @default the option `concurrency` of the module
   */
  concurrency?: number | undefined;

  /**
   * How long an event of a process that died, or whose event loop hangs, waits
   * until another takes it over, in milliseconds; at most one and a half times that.
   * @default 30_000
   */
  lockDurationMs?: number | undefined;
}

/** Which engine BullMQ runs on: `createRedisBackend` or `createPostgresBackend`. */
// The connection of a factory is its own affair.
// oxlint-disable-next-line typescript/no-explicit-any
export type BullmqBackend = BackendFactory<IQueueBackend, any>;

/** Makes the options, given what is listed in `inject`. */
export type BullmqInboxOptionsFactory = Pick<
  FactoryProvider<BullmqInboxOptions>,
  'inject' | 'useFactory'
>;

/** The options checked, with every default in place. */
export interface BullmqInboxSettings {
  readonly connection: NonNullable<BullmqInboxOptions['connection']>;
  readonly backend: BullmqBackend | undefined;
  readonly queue: string;
  readonly prefix: string;
  readonly worker: BullmqWorkerSettings | false;
  readonly keepDeadLettersDays: number;
}

export interface BullmqWorkerSettings {
  /** Absent where that of the module holds. */
  readonly concurrency: number | undefined;
  readonly lockDurationMs: number;
}

/** What `BullModule.forRoot()` was given, as far as it matters here. */
export type SharedBullConfig = Pick<
  BullmqInboxOptions,
  'connection' | 'prefix'
>;

const DEFAULTS: Pick<
  BullmqInboxSettings,
  'queue' | 'prefix' | 'keepDeadLettersDays'
> & { readonly worker: boolean | BullmqWorkerOptions } = {
  queue: 'xenioo',
  prefix: 'bull',
  worker: true,
  keepDeadLettersDays: 90,
};

/**
 * Checks the options and fills in the defaults.
 * @throws {XeniooOptionsError} with every problem found
 */
export function resolveBullmqInboxOptions(
  given: unknown = {},
  shared: SharedBullConfig = {},
): BullmqInboxSettings {
  if (!isObject(given)) {
    throw new XeniooOptionsError([
      `expected bullmqInbox() to get an object of options, got ${kindOf(given)}`,
    ]);
  }
  const options: Pick<BullmqInboxOptions, 'connection' | 'backend'> &
    typeof DEFAULTS = {
    ...DEFAULTS,
    ...withoutUndefined({
      connection: shared.connection,
      prefix: shared.prefix,
    }),
    ...withoutUndefined(given),
  };
  const problems = bullmqOptionsProblems(options);
  if (problems.length > 0) throw new XeniooOptionsError(problems);
  const { connection, backend, worker } = options;
  return {
    ...options,
    connection: connection!,
    backend,
    worker: resolveWorker(worker),
  };
}

function resolveWorker(
  worker: boolean | BullmqWorkerOptions,
): BullmqWorkerSettings | false {
  if (worker === false) return false;
  const given = worker === true ? {} : withoutUndefined(worker);
  return { concurrency: undefined, lockDurationMs: 30_000, ...given };
}
