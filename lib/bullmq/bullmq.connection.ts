import { Logger } from '@nestjs/common';
import type { Processor, WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../describe-error.js';
import { settledWithin } from '../settled-within.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { BullmqInboxSettings } from './bullmq.inbox-options.js';
import type { JobData, XeniooQueue, XeniooWorker } from './bullmq.job.js';
import type { BullmqLibraries } from './load-bullmq.js';
import {
  FOR_CALLS,
  FOR_WAITING,
  FOR_WORKER,
  RedisConnection,
} from './redis.connection.js';
import { assertPermitted } from './redis.permissions.js';
import { RedisState, risksOf, type Durability } from './redis.state.js';

const REOPEN_DELAY_MS = 500;
const CLOSE_TIMEOUT_MS = 500;
/** Upper bound in milliseconds of the time until all clients have ended. */
const END_TIMEOUT_MS = 3_000;

/** Least time in milliseconds between two log lines about failures. */
const LOG_INTERVAL_MS = 10_000;

/** Upper bound of the queue's events that Redis keeps for `QueueEvents`; the default of BullMQ is 10,000. */
const KEPT_QUEUE_EVENTS = 1_000;

/** The queue of a Redis that has answered once. From then on its clients reconnect automatically. */
export interface OpenQueue {
  readonly queue: XeniooQueue;
  readonly client: Redis;
  readonly state: RedisState;
}

/** Opens the queue as soon as Redis answers; logs the first failure of Redis and its recovery. */
export class BullmqConnection {
  private readonly logger = new Logger('Xenioo');
  private readonly redis: RedisConnection;
  private readonly opening: Promise<OpenQueue | undefined>;
  private readonly firstFailure: Promise<void>;
  private onFirstFailure = (): void => {};
  private readonly closing = new AbortController();
  private opened: OpenQueue | undefined;
  private durability: Durability | undefined;
  private openingError: unknown;
  private isFailing = false;
  private failedAt = -Infinity;
  private nextLogAt = -Infinity;

  constructor(
    private readonly libraries: BullmqLibraries,
    private readonly settings: BullmqInboxSettings,
    private readonly acceptTimeoutMs: number,
  ) {
    this.redis = new RedisConnection(settings.connection, libraries.Redis);
    this.firstFailure = new Promise(resolve => (this.onFirstFailure = resolve));
    this.opening = this.openWhenUp();
  }

  /** Name for messages, without user and password: `'Redis at 127.0.0.1:6379'`. */
  get name(): string {
    return this.redis.name;
  }

  /** True while the client is connected to Redis. */
  get isUp(): boolean {
    return this.opened?.client.status === 'ready';
  }

  private get isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  /**
   * Resolves when the queue is open, or Redis is unreachable.
   * @throws {XeniooInboxError} when Redis rejects the login or a command
   */
  async assertUsable(): Promise<void> {
    const { acceptTimeoutMs } = this;
    await settledWithin(
      Promise.race([this.opening, this.firstFailure]),
      acceptTimeoutMs,
    );
    if (this.opened || !isRejection(this.openingError)) return;
    await this.close();
    throw new XeniooInboxError(
      `the BullMQ inbox can't use ${this.name}: ${reasonOf(this.openingError)}. Check \`connection\` and the rights of the user of Redis`,
      { cause: this.openingError },
    );
  }

  /**
   * Resolves to the queue once Redis has answered for the first time.
   * @throws {XeniooInboxError} when it does not within `acceptTimeoutMs`
   */
  async open(): Promise<OpenQueue> {
    if (!this.opened) await settledWithin(this.opening, this.acceptTimeoutMs);
    if (this.opened && !this.isClosed) return this.opened;
    throw new XeniooInboxError(
      this.isClosed
        ? 'the BullMQ inbox has stopped'
        : `the BullMQ inbox, ${this.name}: ${this.openingError === undefined ? 'it does not answer' : reasonOf(this.openingError)}`,
    );
  }

  /** Resolves to the queue as soon as Redis is reachable; to undefined if the inbox is closed before. */
  whenOpen(): Promise<OpenQueue | undefined> {
    return this.opening;
  }

  /** Creates a worker; `run()` starts it. */
  createWorker(
    { state }: OpenQueue,
    processor: Processor<JobData, void>,
    options: Omit<WorkerOptions, 'connection'>,
  ): XeniooWorker {
    const { queue, prefix } = this.settings;
    const client = this.redis.open(FOR_WORKER);
    // BullMQ duplicates the client for the connection on which it waits for jobs.
    client.duplicate = override =>
      this.redis.open({ ...override, ...FOR_WAITING });
    const worker: XeniooWorker = new this.libraries.bullmq.Worker(
      queue,
      processor,
      {
        ...options,
        prefix,
        connection: client,
        // BullMQ's check repeats a warning of `logRisks()` if Redis drops keys, and fails if the user of Redis may not run INFO. Otherwise it runs: without it, BullMQ rounds delays to seconds.
        skipVersionCheck: !state.isKeepingKeys,
      },
      // Version 6 of BullMQ has backends, and the application may have set another default; version 5 has none.
      this.libraries.bullmq.createRedisBackend,
    );
    return worker;
  }

  /** Warns about settings of Redis that can lose accepted events. */
  async logRisks(): Promise<void> {
    const { state } = (await this.opening) ?? {};
    if (!state) return;
    try {
      this.durability = await state.durability();
    } catch (error) {
      this.logger.warn(
        `Reading the persistence settings of ${this.name} failed; they are not checked: ${describeError(error).message}`,
      );
    }
    for (const risk of risksOf(
      this.name,
      this.durability,
      state.isDroppingKeys,
    )) {
      this.logger.warn(risk);
    }
  }

  /** Logs that a command failed. */
  reportFailure(error: unknown): void {
    if (this.isClosed) return;
    this.failedAt = performance.now();
    if (this.isFailing || this.failedAt < this.nextLogAt) return;
    this.isFailing = true;
    this.nextLogAt = this.failedAt + LOG_INTERVAL_MS;
    this.logger.error(
      `${this.name} failed; retrying: ${reasonOf(error)}.${this.consequence()}`,
    );
  }

  /** Logs that Redis works again, unless the command was sent before the last failure. */
  reportRecovery(startedAt = performance.now()): void {
    if (!this.isFailing || startedAt < this.failedAt) return;
    this.isFailing = false;
    this.logger.log(`${this.name} works again.`);
  }

  async close(): Promise<void> {
    this.closing.abort();
    const { queue } = this.opened ?? {};
    if (queue) {
      const closed = queue.close().catch(() => {});
      await settledWithin(closed, CLOSE_TIMEOUT_MS);
    }
    await settledWithin(this.redis.close(), END_TIMEOUT_MS);
  }

  /** Returns a sentence about the pending events, as far as the settings of Redis are known. */
  private consequence(): string {
    if (this.durability === 'every-write') {
      return ' Accepted events stay in the queue.';
    }
    return this.durability === 'none'
      ? ' If it has restarted, pending events are lost (`appendonly no`).'
      : '';
  }

  private async openWhenUp(): Promise<OpenQueue | undefined> {
    while (!this.isClosed) {
      try {
        const opened = await this.openNow();
        this.reportRecovery();
        return (this.opened = opened);
      } catch (error) {
        this.openingError = error;
        this.reportFailure(error);
        this.onFirstFailure();
        // This timer also keeps the process of a worker without a server alive.
        const { signal } = this.closing;
        await sleep(REOPEN_DELAY_MS, undefined, { signal }).catch(() => {});
      }
    }
    return undefined;
  }

  private async openNow(): Promise<OpenQueue> {
    const client = this.redis.open(FOR_CALLS);
    // The error of `connect()` does not contain the reason.
    let reason: unknown;
    client.on('error', error => (reason = error));
    try {
      await client.connect();
      // ioredis would use database 0 if the configured one does not exist.
      await client.select(client.options.db ?? 0);
      const state = new RedisState(client);
      await state.readMemory();
      const queue = await this.openQueue(client);
      await assertPermitted(client, queue.toKey('permitted'));
      return { client, state, queue };
    } catch (error) {
      client.disconnect();
      throw reason ?? error;
    }
  }

  private async openQueue(client: Redis): Promise<XeniooQueue> {
    const { bullmq } = this.libraries;
    const queue: XeniooQueue = new bullmq.Queue(
      this.settings.queue,
      {
        connection: client,
        prefix: this.settings.prefix,
        // BullMQ's check would repeat a warning of `logRisks()`.
        skipVersionCheck: true,
        streams: { events: { maxLen: KEPT_QUEUE_EVENTS } },
      },
      bullmq.createRedisBackend,
    );
    queue.on('error', () => {});
    await queue.waitUntilReady();
    return queue;
  }
}

/** Returns the reason of a failure, in plain words for an unreachable Redis. */
export function reasonOf(error: unknown): string {
  const { message } = describeError(error);
  const isUnreachable =
    /isn't writeable|max retries per request|Connection is closed/.test(
      message,
    );
  return isUnreachable ? 'it is unreachable' : message.replace(/\.+$/, '');
}

/** Returns true for an answer of Redis that stays the same until its settings or those of the inbox are changed. */
function isRejection(error: unknown): boolean {
  return /NOPERM|^(WRONGPASS|NOAUTH|ERR (invalid password|invalid DB index|DB index is out of range|unknown command|SELECT is not allowed))|can't run this command|can't access at least one/i.test(
    describeError(error).message,
  );
}
