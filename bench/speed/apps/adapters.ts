import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

export type AdapterName = 'express' | 'fastify';

const MOST_BYTES = 20 * 1_024 * 1_024;
const QUIET = { logger: ['error' as const] };

/** An app as its users would start it. */
export function createApp(
  module: Type,
  adapter: AdapterName,
): Promise<INestApplication> {
  return adapter === 'express'
    ? NestFactory.create(module, QUIET)
    : NestFactory.create(module, new FastifyAdapter(), QUIET);
}

/** The same with a body limit for grouped calls, which a route of one's own needs. */
export async function createRoomyApp(
  module: Type,
  adapter: AdapterName,
): Promise<INestApplication> {
  if (adapter === 'fastify') {
    const roomy = new FastifyAdapter({ bodyLimit: MOST_BYTES });
    return NestFactory.create(module, roomy, QUIET);
  }
  const app = await NestFactory.create<NestExpressApplication>(module, QUIET);
  app.useBodyParser('json', { limit: MOST_BYTES });
  return app;
}
