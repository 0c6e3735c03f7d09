import type { Redis, RedisOptions } from 'ioredis';
import type { BullmqInboxSettings } from './bullmq.inbox-options.js';

const RECONNECT_DELAY_MS = 500;

const OPTIONS: RedisOptions = {
  retryStrategy: () => RECONNECT_DELAY_MS,
  // After a failover the former primary is a read-only replica.
  reconnectOnError: error => error.message.startsWith('READONLY'),
  connectTimeout: 3_000,
  disconnectTimeout: 500,
  keepAlive: 10_000,
  // Replaces a connection that does not answer.
  socketTimeout: 3_000,
};

/** Client options for webhook calls: commands fail at once while Redis is down, and the call decides how long to wait. */
export const FOR_CALLS: RedisOptions = {
  ...OPTIONS,
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
};

/** Client options for a worker: BullMQ requires that commands wait until Redis is back. */
export const FOR_WORKER: RedisOptions = {
  ...OPTIONS,
  enableOfflineQueue: true,
  maxRetriesPerRequest: null,
};

/** Client options for the blocking command with which a worker waits up to 10 s for a job. */
export const FOR_WAITING: RedisOptions = {
  ...FOR_WORKER,
  socketTimeout: 15_000,
};

/** Opens clients of one Redis; closes all of them together. */
export class RedisConnection {
  /** Name for messages, without user and password: `'Redis at 127.0.0.1:6379'`. */
  readonly name: string;
  private readonly clients = new Set<Redis>();
  private isClosed = false;

  constructor(
    private readonly connection: BullmqInboxSettings['connection'],
    private readonly Client: typeof Redis,
  ) {
    const { options } = this.create({ lazyConnect: true });
    this.name = `Redis at ${addressOf(options)}`;
  }

  /** Returns a client that keeps its connection until `close()`. */
  open(options: RedisOptions): Redis {
    const client = this.create({
      ...options,
      retryStrategy: () => (this.isClosed ? null : RECONNECT_DELAY_MS),
    });
    // Without a listener, ioredis prints errors.
    client.on('error', () => {});
    this.clients.add(client);
    client.once('end', () => this.clients.delete(client));
    return client;
  }

  /** Resolves when all clients have ended. */
  async close(): Promise<void> {
    this.isClosed = true;
    // BullMQ sets the status of its clients to `end`; those may never emit it.
    const clients = [...this.clients].filter(({ status }) => status !== 'end');
    const ended = clients.map(
      client => new Promise(resolve => client.once('end', resolve)),
    );
    for (const client of clients) {
      // `disconnect()` during a reconnect never settles pending commands. Without it, `retryStrategy` ends the connection when the next attempt fails, which rejects them.
      if (client.status !== 'reconnecting') client.disconnect();
      else client.once('connect', () => client.disconnect());
    }
    await Promise.all(ended);
  }

  private create(options: RedisOptions): Redis {
    const { connection, Client } = this;
    if (typeof connection === 'string') return new Client(connection, options);
    if ('duplicate' in connection) {
      return connection.duplicate(options) as Redis;
    }
    const { url, ...userOptions } = connection;
    return url === undefined
      ? new Client({ ...userOptions, ...options })
      : new Client(url, { ...userOptions, ...options });
  }
}

function addressOf(options: RedisOptions): string {
  const { path, host = 'localhost', port = 6379, db = 0 } = options;
  const { sentinels, name } = options;
  const server = sentinels
    ? `the Sentinel group ${name}`
    : (path ?? `${host}:${port}`);
  return db === 0 ? server : `${server}/${db}`;
}
