import {
  createPostgresBackend,
  createRedisBackend,
  getDefaultBackendFactory,
} from 'bullmq';
import { describeError } from '../describe-error.js';
import { XeniooOptionsError } from '../xenioo.errors.js';
import type { BullmqEngine } from './bullmq.engine.js';
import type { BullmqInboxSettings } from './bullmq.inbox-options.js';

/**
 * The engine that is meant: `backend`, else that of the URL, else what BullMQ takes by itself.
 * @throws {XeniooOptionsError} when it is neither, or its package is not installed
 */
export async function createEngine(
  settings: BullmqInboxSettings,
): Promise<BullmqEngine> {
  const { connection, backend } = settings;
  const ofUrl = engineOfUrl(connection);
  const meant: unknown = backend ?? ofUrl ?? getDefaultBackendFactory();
  if (ofUrl && meant !== ofUrl) {
    throw new XeniooOptionsError([
      'expected `backend` and `connection` of bullmqInbox() to be of one engine: the URL is that of another',
    ]);
  }
  if (meant === createRedisBackend) {
    const { Redis } = await installed('ioredis', () => import('ioredis'));
    const { RedisEngine } = await import('./redis.engine.js');
    return new RedisEngine(settings, Redis);
  }
  if (meant === createPostgresBackend) {
    const { default: pg } = await installed('pg', () => import('pg'));
    const { PostgresEngine } = await import('./postgres.engine.js');
    return new PostgresEngine(settings, pg.Pool);
  }
  throw new XeniooOptionsError([
    'expected `backend` of bullmqInbox() to be createPostgresBackend or createRedisBackend of bullmq',
  ]);
}

/** What a URL tells; nothing where the connection is none. */
function engineOfUrl(connection: BullmqInboxSettings['connection']): unknown {
  if (typeof connection !== 'string') {
    return 'connectionString' in connection ? createPostgresBackend : undefined;
  }
  return connection.startsWith('postgres')
    ? createPostgresBackend
    : createRedisBackend;
}

async function installed<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new XeniooOptionsError(
      [
        `bullmqInbox() needs the package \`${name}\` for this connection (npm install ${name}): ${describeError(error).message}`,
      ],
      { cause: error },
    );
  }
}
