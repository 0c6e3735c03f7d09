import {
  createRedisBackend,
  Queue,
  Worker,
  type Processor,
  type WorkerOptions,
} from 'bullmq';
import type { Redis, RedisOptions } from 'ioredis';
import { settledWithin } from '../settled-within.js';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';
import type { OpenEngine } from './bullmq.engine.js';
import type { BullmqInboxSettings } from './bullmq.inbox-options.js';
import { RedisClaims } from './redis.claims.js';
import { RedisMemory } from './redis.memory.js';
import {
  BLOCKING_ANSWER_WITHIN_MS,
  CONNECT_AGAIN_AFTER_MS,
  WORKING,
} from './redis.options.js';
import { risksOf } from './redis.risks.js';
import type { StoredJob, XeniooQueue, XeniooWorker } from './stored-job.js';

/** How long to wait for a queue that is asked to let go. */
const CLOSE_WITHIN_MS = 500;

/** Events that others may read of the queue, as a dashboard; BullMQ keeps 10,000. */
const KEPT_QUEUE_EVENTS = 1_000;

/** A Redis that has answered. */
export class OpenRedis implements OpenEngine {
  private readonly claims: RedisClaims;
  /** Those that BullMQ works with. It leaves open what it can't close in good order. */
  private readonly clients = new Set<Redis>();
  private isClosed = false;

  private constructor(
    readonly queue: XeniooQueue,
    private readonly client: Redis,
    private readonly settings: BullmqInboxSettings,
    private readonly memory: RedisMemory,
    private readonly connect: (options: RedisOptions) => Redis,
  ) {
    this.claims = new RedisClaims(client, key => queue.toKey(key));
  }

  static async on(
    client: Redis,
    settings: BullmqInboxSettings,
    connect: (options: RedisOptions) => Redis,
  ): Promise<OpenRedis> {
    const queue: XeniooQueue = new Queue(
      settings.queue,
      {
        connection: client,
        prefix: settings.prefix,
        // It would print what `risks()` tells.
        skipVersionCheck: true,
        streams: { events: { maxLen: KEPT_QUEUE_EVENTS } },
      },
      createRedisBackend,
    );
    queue.on('error', () => {});
    await queue.waitUntilReady();
    const memory = new RedisMemory(client);
    try {
      await memory.look();
    } catch (error) {
      memory.end();
      throw error;
    }
    return new OpenRedis(queue, client, settings, memory, connect);
  }

  get isUp(): boolean {
    return this.client.status === 'ready';
  }

  async openWorker(
    processor: Processor<StoredJob, void>,
    options: Omit<WorkerOptions, 'connection'>,
  ): Promise<XeniooWorker> {
    const client = this.connected(WORKING);
    // BullMQ makes of it the connection on which it waits for jobs.
    client.duplicate = more =>
      this.connected({
        ...WORKING,
        ...more,
        socketTimeout: BLOCKING_ANSWER_WITHIN_MS,
      });
    const worker: XeniooWorker = new Worker(
      this.settings.queue,
      processor,
      {
        ...options,
        connection: client,
        prefix: this.settings.prefix,
        // It would print what `risks()` tells; else it needs the version to wait exactly.
        skipVersionCheck: this.memory.isEvicting,
      },
      createRedisBackend,
    );
    worker.once('closed', () => client.disconnect());
    return worker;
  }

  noteClaims(
    ids: readonly string[],
    dedupe: XeniooDedupeSettings,
    _added: Promise<void>,
    onKnown: (count: number) => void,
  ): Promise<void> {
    return this.claims.note(ids, dedupe, onKnown);
  }

  risks(): Promise<string[]> {
    return risksOf(this.client);
  }

  hasRoomFor(jobs: number, dataBytes: number): Promise<boolean> {
    return this.memory.hasRoomFor(jobs, dataBytes);
  }

  async close(): Promise<void> {
    this.memory.end();
    this.claims.end();
    await settledWithin(
      this.queue.close().catch(() => {}),
      CLOSE_WITHIN_MS,
    );
    this.isClosed = true;
    this.client.disconnect();
    for (const client of this.clients) {
      // One that waits to connect again would keep its commands waiting for ever:
      // it ends by itself, and tells them.
      if (client.status !== 'reconnecting') client.disconnect();
    }
  }

  private connected(options: RedisOptions): Redis {
    const client = this.connect({
      ...options,
      retryStrategy: () => (this.isClosed ? null : CONNECT_AGAIN_AFTER_MS),
    });
    client.on('error', () => {});
    this.clients.add(client);
    client.once('end', () => this.clients.delete(client));
    return client;
  }
}
