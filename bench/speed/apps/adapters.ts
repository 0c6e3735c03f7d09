import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

export type AdapterName = 'express' | 'fastify';

const BODY_LIMIT = 20 * 1_024 * 1_024;
const QUIET = { logger: ['error' as const] };

/** Creates an application with the defaults of its adapter. */
export function createApp(
  module: Type,
  adapter: AdapterName = 'express',
): Promise<INestApplication> {
  return adapter === 'express'
    ? NestFactory.create(module, QUIET)
    : NestFactory.create(module, new FastifyAdapter(), QUIET);
}

/** Creates an application with a body limit of 20 MB, which a route of your own needs for grouped calls. */
export async function createRoomyApp(
  module: Type,
  adapter: AdapterName = 'express',
): Promise<INestApplication> {
  if (adapter === 'fastify') {
    const fastify = new FastifyAdapter({ bodyLimit: BODY_LIMIT });
    return NestFactory.create(module, fastify, QUIET);
  }
  const app = await NestFactory.create<NestExpressApplication>(module, QUIET);
  app.useBodyParser('json', { limit: BODY_LIMIT });
  return app;
}
