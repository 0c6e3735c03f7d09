import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../../test/support/engines/postgres-server.js';
import { startRedis } from '../../test/support/engines/redis-server.js';

export type EngineKind = 'redis' | 'postgres' | 'lmdb';

/** An engine that is measured. */
export interface Engine {
  readonly name: string;
  readonly kind: EngineKind;
  /** URL of the server, or path of a folder. */
  readonly storage: string;
  stop(): Promise<void>;
}

/** Starts of the engines by their names on the command line. */
export const ENGINES: Record<string, () => Promise<Engine>> = {
  lmdb: prepareLmdb,
  postgres: preparePostgres,
  'redis-always': () => prepareRedis('always'),
  'redis-everysec': () => prepareRedis('everysec'),
};

async function prepareLmdb(): Promise<Engine> {
  const storage = await mkdtemp(join(tmpdir(), 'xenioo-bench-'));
  const stop = () => rm(storage, { recursive: true });
  return { name: 'LMDB', kind: 'lmdb', storage, stop };
}

async function preparePostgres(): Promise<Engine> {
  const server = await startPostgres();
  const stop = () => server.stop();
  return { name: 'PostgreSQL', kind: 'postgres', storage: server.url, stop };
}

async function prepareRedis(
  appendfsync: 'always' | 'everysec',
): Promise<Engine> {
  const server = await startRedis({ appendfsync });
  return {
    name: `Redis, \`appendfsync ${appendfsync}\``,
    kind: 'redis',
    storage: server.url,
    stop: () => server.stop(),
  };
}
