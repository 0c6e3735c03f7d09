import type { TestProject } from 'vitest/node';
import { missingEngine } from './find-engines.js';
import { startRedis } from './redis-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the shared Redis, `''` if none is installed. Tests use their own prefixes. */
    redisUrl: string;
  }
}

/** Starts the Redis that all tests of a run share, and stops it after them. */
export default async function setUp(project: TestProject) {
  const missing = missingEngine('redis');
  if (missing !== undefined) project.vitest.logger.warn(missing);
  const redis = missing === undefined ? await startRedis() : undefined;
  project.provide('redisUrl', redis?.url ?? '');
  return () => redis?.stop();
}
