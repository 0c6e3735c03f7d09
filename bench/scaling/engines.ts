import { startRedis } from '../../test/support/engines/redis-server.js';

/** An engine that is measured. */
export interface Engine {
  readonly name: string;
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts of the engines by their names on the command line. */
export const ENGINES: Record<string, () => Promise<Engine>> = {
  'redis-always': () => startEngine('always'),
  'redis-everysec': () => startEngine('everysec'),
};

async function startEngine(
  appendfsync: 'always' | 'everysec',
): Promise<Engine> {
  const server = await startRedis({ appendfsync });
  return {
    name: `Redis, \`appendfsync ${appendfsync}\``,
    url: server.url,
    stop: () => server.stop(),
  };
}
