import type { TestProject } from 'vitest/node';
import type { EngineServer } from './engine-server.js';
import { missingEngine, type EngineName } from './find-engines.js';
import { startPostgres } from './postgres-server.js';
import { startRedis } from './redis-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The Redis of the run, `''` where none is installed: keep to a prefix of your own. */
    redisUrl: string;
    /** The PostgreSQL of the run, `''` where none is installed: make a database of your own. */
    postgresUrl: string;
  }
}

/** Starts the engines that all tests of a run share, and stops them after it. */
export default async function setUp(project: TestProject) {
  const startIfFound = async (
    engine: EngineName,
    start: () => Promise<EngineServer>,
  ) => {
    const missing = missingEngine(engine);
    if (missing === undefined) return start();
    project.vitest.logger.warn(missing);
    return undefined;
  };
  const [redis, postgres] = await Promise.all([
    startIfFound('redis', () => startRedis()),
    startIfFound('postgres', () =>
      startPostgres({ settings: { max_connections: '300' } }),
    ),
  ]);
  project.provide('redisUrl', redis?.url ?? '');
  project.provide('postgresUrl', postgres?.url ?? '');
  return async () => {
    await Promise.all([redis?.stop(), postgres?.stop()]);
  };
}
