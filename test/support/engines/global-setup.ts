import type { TestProject } from 'vitest/node';
import type { EngineServer } from './engine-server.js';
import { missingEngine, type EngineName } from './find-engines.js';
import { startPostgres } from './postgres-server.js';
import { startRedis } from './redis-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the shared Redis, `''` if none is installed. Tests use their own prefixes. */
    redisUrl: string;
    /** The PostgreSQL of the run, `''` where none is installed: keep to a schema of your own. */
    postgresUrl: string;
  }
}

/** Starts the engines that all tests of a run share, and stops them after the tests. */
export default async function setUp(project: TestProject) {
  const start = async (
    engine: EngineName,
    started: () => Promise<EngineServer>,
  ) => {
    const missing = missingEngine(engine);
    if (missing === undefined) return started();
    project.vitest.logger.warn(missing);
    return undefined;
  };
  const [redis, postgres] = await Promise.all([
    start('redis', startRedis),
    start('postgres', startPostgres),
  ]);
  project.provide('redisUrl', redis?.url ?? '');
  project.provide('postgresUrl', postgres?.url ?? '');
  return async () => {
    await redis?.stop();
    await postgres?.stop();
  };
}
