import type { Redis, RedisOptions } from 'ioredis';
import type { BullmqEngine, OpenEngine } from './bullmq.engine.js';
import type { BullmqInboxSettings } from './bullmq.inbox-options.js';
import { OpenRedis } from './open-redis.js';
import { ADDING, placeOf } from './redis.options.js';

/** BullMQ on Redis. */
export class RedisEngine implements BullmqEngine {
  readonly name: string;
  readonly jobsAtOnce = 1_000;
  // Redis reads and syncs together what calls have written at once, whether in bulk or not.
  readonly callsAtOnce = 64;
  readonly gathers = false;

  constructor(
    private readonly settings: BullmqInboxSettings,
    /** The `Redis` class of ioredis: an optional peer, loaded by whoever needs it. */
    private readonly client: typeof Redis,
  ) {
    const { options } = this.connect({ lazyConnect: true });
    this.name = `Redis at ${placeOf(options)}`;
  }

  async open(): Promise<OpenEngine> {
    const client = this.connect({ ...ADDING, lazyConnect: true });
    // What `connect()` throws does not tell why.
    let reason: unknown;
    client.on('error', error => (reason = error));
    try {
      await client.connect();
      // A database that there is not would else be the first one.
      await client.select(client.options.db ?? 0);
      return await OpenRedis.on(client, this.settings, options =>
        this.connect(options),
      );
    } catch (error) {
      client.disconnect();
      throw reason ?? error;
    }
  }

  isRefusal(error: unknown): boolean {
    const { name, message } = error as Error;
    // With these words it begins what passes by itself.
    const isPassing =
      /^(OOM|READONLY|LOADING|BUSY|MISCONF|MASTERDOWN|NOREPLICAS|TRYAGAIN|CLUSTERDOWN|UNBLOCKED|NOAUTH|WRONGPASS|NOPERM)\b/;
    return name === 'ReplyError' && !isPassing.test(message);
  }

  private connect(more: RedisOptions): Redis {
    const { connection } = this.settings;
    const { client: Client } = this;
    if (typeof connection === 'string') return new Client(connection, more);
    if ('duplicate' in connection) {
      return (connection as unknown as Redis).duplicate(more);
    }
    const { url, ...options } = connection as RedisOptions & { url?: string };
    return url === undefined
      ? new Client({ ...options, ...more })
      : new Client(url, { ...options, ...more });
  }
}
