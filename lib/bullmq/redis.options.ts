import type { RedisOptions } from 'ioredis';

/** How long to wait before a connection that broke is made again. */
export const CONNECT_AGAIN_AFTER_MS = 500;

const CONNECT_WITHIN_MS = 3_000;

/** A connection over which nothing comes although an answer is due is replaced after that. */
const ANSWER_WITHIN_MS = 3_000;

/** A worker waits for jobs up to 10 s in one command. */
export const BLOCKING_ANSWER_WITHIN_MS = 15_000;

const CONNECTION: RedisOptions = {
  retryStrategy: () => CONNECT_AGAIN_AFTER_MS,
  // A replica that was the primary, as after a failover.
  reconnectOnError: error => error.message.startsWith('READONLY'),
  connectTimeout: CONNECT_WITHIN_MS,
  keepAlive: 10_000,
};

/** What is added fails at once when Redis is down: the call waits for it, not the connection. */
export const ADDING: RedisOptions = {
  ...CONNECTION,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  socketTimeout: ANSWER_WITHIN_MS,
};

/** What was handled is recorded as soon as Redis is there again. BullMQ demands that. */
export const WORKING: RedisOptions = {
  ...CONNECTION,
  enableOfflineQueue: true,
  maxRetriesPerRequest: null,
  socketTimeout: ANSWER_WITHIN_MS,
};

/** Where it is, without user and password. */
export function placeOf(options: RedisOptions): string {
  const { path, host = 'localhost', port = 6379, db = 0 } = options;
  const { sentinels, name } = options;
  const server = sentinels
    ? `the group ${name} of Sentinel`
    : (path ?? `${host}:${port}`);
  return db === 0 ? server : `${server}/${db}`;
}
