import type { TestProject } from 'vitest/node';
import { missingEngine } from './find-engines.js';
import { startRedis } from './redis-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The Redis of the run, `''` where none is installed: keep to a prefix of your own. */
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
