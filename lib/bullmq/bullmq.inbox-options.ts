import type { FactoryProvider } from '@nestjs/common';
import type { RedisOptions } from 'ioredis';
import { kindOf } from '../options/describe-value.js';
import { withoutUndefined } from '../options/without-undefined.js';
import { XeniooOptionsError } from '../xenioo.errors.js';
import { bullmqOptionsProblems, isObject } from './bullmq-options.check.js';

/** Options of `bullmqInbox()`. */
export interface BullmqInboxOptions {
  /**
   * Address of Redis: a URL (`'redis://…'`, `'rediss://…'`), options of ioredis, or
   * a client of ioredis. The inbox connects with the options of the client, and
   * leaves the client itself alone.
   */
  connection: string | (RedisOptions & { url?: string }) | RedisClient;

  /**
   * Name of the queue. Every instance of `XeniooModule` with secrets or handlers of
   * its own needs a queue of its own.
   * @default 'xenioo'
   */
  queue?: string | undefined;

  /**
   * Prefix of all keys in Redis.
   * @default 'bull'
   */
  prefix?: string | undefined;

  /**
   * Handles events in this process; `false` in a process that only receives
   * them. The option `concurrency` of the module says how many at once.
   * @default true
   */
  worker?: boolean | undefined;

  /**
   * Days for which dead letters are kept.
   * @default 90
   */
  deadLetterRetentionDays?: number | undefined;
}

/** A client of ioredis, of any copy of the package. */
export interface RedisClient {
  readonly options: object;
  duplicate(override?: object): unknown;
}

/** Makes the options, given what `inject` lists. */
export type BullmqInboxOptionsFactory = Pick<
  FactoryProvider<BullmqInboxOptions>,
  'inject' | 'useFactory'
>;

/** The options checked, with every default in place. */
export interface BullmqInboxSettings {
  readonly connection: BullmqInboxOptions['connection'];
  readonly queue: string;
  readonly prefix: string;
  readonly worker: boolean;
  readonly deadLetterRetentionDays: number;
}

const DEFAULTS: Omit<BullmqInboxSettings, 'connection'> = {
  queue: 'xenioo',
  prefix: 'bull',
  worker: true,
  deadLetterRetentionDays: 90,
};

/**
 * Checks the options and fills in the defaults.
 * @throws {XeniooOptionsError} with every problem found
 */
export function resolveBullmqInboxOptions(given: unknown): BullmqInboxSettings {
  if (!isObject(given)) {
    throw new XeniooOptionsError([
      `expected bullmqInbox() to get an object of options, got ${kindOf(given)}`,
    ]);
  }
  const options = { ...DEFAULTS, ...withoutUndefined(given) };
  const problems = bullmqOptionsProblems(options);
  if (problems.length > 0) throw new XeniooOptionsError(problems);
  return options as BullmqInboxSettings;
}
