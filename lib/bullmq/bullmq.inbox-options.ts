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
   * a client of ioredis. The inbox opens connections of its own with the options of
   * the client, and does not use or close the client itself.
   */
  connection: string | (RedisOptions & { url?: string }) | RedisClient;

  /**
   * Name of the queue. Instances of `XeniooModule` with different secrets or handlers
   * need different queues.
   * @default 'xenioo'
   */
  queue?: string | undefined;

  /**
   * Prefix of all keys in Redis.
   * @default 'bull'
   */
  prefix?: string | undefined;

  /**
   * Handles events in this process, up to `concurrency` of the module at once; `false`
   * in a process that only receives them.
   * @default true
   */
  worker?: boolean | undefined;

  /**
   * Days after which a dead letter is removed.
   * @default 90
   */
  deadLetterRetentionDays?: number | undefined;
}

/** A client of ioredis, of any copy of the package. */
export interface RedisClient {
  readonly options: object;
  /** Returns a new client with the same options. */
  duplicate(override?: object): unknown;
}

/** Factory of the options, with the providers that `inject` lists as arguments. */
export type BullmqInboxOptionsFactory = Pick<
  FactoryProvider<BullmqInboxOptions>,
  'inject' | 'useFactory'
>;

/** Validated options with defaults applied. */
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
 * Validates the options and applies the defaults.
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
