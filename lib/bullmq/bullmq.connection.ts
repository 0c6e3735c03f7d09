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
import { RedisState, risksOf, type Durability } from './redis.state.js';

const OPEN_AGAIN_AFTER_MS = 500;
const CLOSE_WITHIN_MS = 500;

/** However often Redis fails and recovers. */
const REPORT_EVERY_MS = 10_000;

/** Upper bound of the events of the queue that Redis keeps for `QueueEvents`; BullMQ's own is 10,000. */
const KEPT_QUEUE_EVENTS = 1_000;

/** The queue of a Redis that has answered. From then on its clients reconnect by themselves. */
export interface OpenQueue {
  readonly queue: XeniooQueue;
  readonly client: Redis;
  readonly state: RedisState;
}

/** Opens the queue as soon as Redis answers, and logs once when Redis fails and once when it works again. */
export class BullmqConnection {
  private readonly logger = new Logger('Xenioo');
  private readonly redis: RedisConnection;
  private readonly opening: Promise<OpenQueue | undefined>;
  private readonly closing = new AbortController();
  private opened: OpenQueue | undefined;
  private durability: Durability | undefined;
  private isFailing = false;
  private failedAt = -Infinity;
  private reportAgainAt = -Infinity;

  constructor(
    private readonly libraries: BullmqLibraries,
    private readonly settings: BullmqInboxSettings,
    private readonly acceptTimeoutMs: number,
  ) {
    this.redis = new RedisConnection(settings.connection, libraries.Redis);
    this.opening = this.openWhenUp();
  }

  /** For messages, without user and password: `'Redis at 127.0.0.1:6379'`. */
  get name(): string {
    return this.redis.name;
  }

  /** Answers whether Redis is connected, as far as its client knows. */
  get isUp(): boolean {
    return this.opened?.client.status === 'ready';
  }

  private get isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  /**
   * Resolves with the queue, once Redis has answered for the first time.
   * @throws {XeniooInboxError} when it does not within `acceptTimeoutMs`
   */
  async open(): Promise<OpenQueue> {
    if (!this.opened) await settledWithin(this.opening, this.acceptTimeoutMs);
    if (this.opened && !this.isClosed) return this.opened;
    throw new XeniooInboxError(
      this.isClosed
        ? 'the BullMQ inbox has stopped'
        : `${this.name} does not answer`,
    );
  }

  /** Resolves with the queue however long Redis is down; with nothing when it is closed before. */
  whenOpen(): Promise<OpenQueue | undefined> {
    return this.opening;
  }

  /** Makes a worker that starts at its `run()`. */
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
        // Its check prints what `logRisks()` logs, and fails where the user may not ask. Without it, retries wait in whole seconds.
        skipVersionCheck: !state.isKeepingKeys,
      },
      // Another default may be set in version 6; version 5 has none.
      this.libraries.bullmq.createRedisBackend,
    );
    return worker;
  }

  /** Warns at each start of settings with which Redis loses what was answered 200. */
  async logRisks(): Promise<void> {
    const { state } = (await this.opening) ?? {};
    if (!state) return;
    try {
      this.durability = await state.durability();
    } catch (error) {
      this.logger.warn(
        `Reading the persistence of ${this.name} failed: ${describeError(error).message}`,
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

  /** Logs that Redis did not do what it was asked for. */
  reportFailure(error: unknown): void {
    if (this.isClosed) return;
    this.failedAt = performance.now();
    if (this.isFailing || this.failedAt < this.reportAgainAt) return;
    this.isFailing = true;
    this.reportAgainAt = this.failedAt + REPORT_EVERY_MS;
    this.logger.error(
      `${this.name} fails, retrying: ${reasonOf(error)}.${this.fateOfEvents()}`,
    );
  }

  /** Logs that Redis works again; what it was asked before its last failure does not count. */
  reportRecovery(askedAt = performance.now()): void {
    if (!this.isFailing || askedAt < this.failedAt) return;
    this.isFailing = false;
    this.logger.log(`${this.name} works again.`);
  }

  async close(): Promise<void> {
    this.closing.abort();
    const { queue } = this.opened ?? {};
    if (queue) {
      const closed = queue.close().catch(() => {});
      await settledWithin(closed, CLOSE_WITHIN_MS);
    }
    this.redis.close();
  }

  private fateOfEvents(): string {
    if (this.durability === 'every-write') {
      return ' Accepted events stay in the queue.';
    }
    return this.durability === 'none'
      ? ' If it has restarted, the events that waited are lost (`appendonly no`).'
      : '';
  }

  private async openWhenUp(): Promise<OpenQueue | undefined> {
    while (!this.isClosed) {
      try {
        const opened = await this.openNow();
        this.reportRecovery();
        return (this.opened = opened);
      } catch (error) {
        this.reportFailure(error);
        // Keeps the process of a worker alive, which has nothing else that does.
        const { signal } = this.closing;
        await sleep(OPEN_AGAIN_AFTER_MS, undefined, { signal }).catch(() => {});
      }
    }
    return undefined;
  }

  private async openNow(): Promise<OpenQueue> {
    const client = this.redis.open(FOR_CALLS);
    // What `connect()` throws does not say why.
    let reason: unknown;
    client.on('error', error => (reason = error));
    try {
      await client.connect();
      // ioredis would go on with database 0 where there is none of this number.
      await client.select(client.options.db ?? 0);
      const state = new RedisState(client);
      await state.lookAtMemory();
      return { client, state, queue: await this.openQueue(client) };
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
        // Its check would print what `logRisks()` logs.
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

/** Returns why Redis failed, in plain words where the clients have others. */
export function reasonOf(error: unknown): string {
  const { message } = describeError(error);
  const isAway = /isn't writeable|max retries per request|Connection is closed/;
  return isAway.test(message) ? 'it is unreachable' : message;
}
