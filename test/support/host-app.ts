import type {
  INestApplication,
  ModuleMetadata,
  NestApplicationOptions,
} from '@nestjs/common';
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { XeniooInbox } from '../../lib/index.js';
import { LogRecorder } from './log-recorder.js';

export const ADAPTERS = {
  express: () => new ExpressAdapter(),
  fastify: () => new FastifyAdapter(),
} satisfies Record<string, () => AbstractHttpAdapter>;

export type AdapterName = keyof typeof ADAPTERS;

/** Set-up of a host in `main.ts`. */
export interface HostSetup {
  readonly options?: NestApplicationOptions;
  readonly prepare?: (app: INestApplication) => void | Promise<void>;
  /** Port to listen on; a free one by default. */
  readonly port?: number;
}

export interface HostApp {
  readonly app: INestApplication;
  readonly logs: LogRecorder;
  /** Returns the absolute URL of a path. */
  readonly url: (path: string) => string;
  /** Resolves when all accepted events are handled. */
  readonly idle: () => Promise<void>;
}

/** Starts an application, with or without the module, on a free port or on the given one. It is closed when the test ends. */
export async function startHost(
  adapter: AdapterName | AbstractHttpAdapter,
  metadata: ModuleMetadata,
  { options = {}, prepare = () => {}, port: wanted = 0 }: HostSetup = {},
): Promise<HostApp> {
  const logs = new LogRecorder();
  const app = await NestFactory.create(
    { module: class AppModule {}, ...metadata },
    typeof adapter === 'string' ? ADAPTERS[adapter]() : adapter,
    { ...options, logger: logs, abortOnError: false },
  );
  onTestFinished(() => app.close());
  await prepare(app);
  await app.listen(wanted, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return {
    app,
    logs,
    url: path => `http://127.0.0.1:${port}${path}`,
    idle: () => app.get(XeniooInbox, { strict: false }).idle(),
  };
}
