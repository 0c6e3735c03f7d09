import { createPostgresBackend, createRedisBackend } from 'bullmq';
import { startPostgres } from '../../test/support/engines/postgres-server.js';
import { startRedis } from '../../test/support/engines/redis-server.js';

/** An engine that is measured. */
export interface Place {
  readonly name: string;
  readonly url: string;
  /** As BullMQ takes it. */
  readonly connection: object;
  stop(): Promise<void>;
}

/** Starts the engines, each alone on this machine. */
export const PLACES: Record<string, () => Promise<Place>> = {
  async 'redis-always'() {
    const server = await startRedis({ appendfsync: 'always' });
    return redisAt('Redis, `appendfsync always`', server);
  },
  async 'redis-everysec'() {
    const server = await startRedis({ appendfsync: 'everysec' });
    return redisAt('Redis, `appendfsync everysec`', server);
  },
  async postgres() {
    const server = await startPostgres();
    return {
      name: 'PostgreSQL',
      url: server.url,
      connection: { connectionString: server.url, migrate: true },
      stop: () => server.stop(),
    };
  },
};

export function backendOf({ url }: Place): unknown {
  return url.startsWith('postgres')
    ? createPostgresBackend
    : createRedisBackend;
}

function redisAt(
  name: string,
  server: Awaited<ReturnType<typeof startRedis>>,
): Place {
  const { url, port } = server;
  return { name, url, connection: { port }, stop: () => server.stop() };
}
