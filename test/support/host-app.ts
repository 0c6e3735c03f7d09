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

/** What hosts do in `main.ts`. */
export interface HostSetup {
  readonly options?: NestApplicationOptions;
  readonly prepare?: (app: INestApplication) => void | Promise<void>;
}

export interface HostApp {
  readonly app: INestApplication;
  readonly logs: LogRecorder;
  /** Absolute URL of a path of the app. */
  readonly url: (path: string) => string;
  /** Resolves when everything that was accepted has been handled. */
  readonly idle: () => Promise<void>;
}

/** Starts an application of somebody, with or without the module, on a free port; it ends with the test. */
export async function startHost(
  adapter: AdapterName | AbstractHttpAdapter,
  metadata: ModuleMetadata,
  { options = {}, prepare = () => {} }: HostSetup = {},
): Promise<HostApp> {
  const logs = new LogRecorder();
  const app = await NestFactory.create(
    { module: class AppModule {}, ...metadata },
    typeof adapter === 'string' ? ADAPTERS[adapter]() : adapter,
    { ...options, logger: logs, abortOnError: false },
  );
  onTestFinished(() => app.close());
  await prepare(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return {
    app,
    logs,
    url: path => `http://127.0.0.1:${port}${path}`,
    idle: () => app.get(XeniooInbox, { strict: false }).idle(),
  };
}
