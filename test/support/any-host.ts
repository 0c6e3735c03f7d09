import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import type { NestApplicationOptions } from '@nestjs/common';
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core';
import { onTestFinished } from 'vitest';
import { LogRecorder } from './log-recorder.js';

/** What hosts do in `main.ts`. */
export interface HostHabits {
  readonly options?: NestApplicationOptions;
  readonly prepare?: (app: INestApplication) => void | Promise<void>;
}

export interface AnyHost {
  readonly app: INestApplication;
  readonly logs: LogRecorder;
  readonly origin: string;
}

/** Starts an application with habits of its own, with or without the module; it ends with the test. */
export async function startAnyHost(
  adapter: AbstractHttpAdapter,
  metadata: ModuleMetadata,
  { options = {}, prepare = () => {} }: HostHabits = {},
): Promise<AnyHost> {
  const logs = new LogRecorder();
  const app = await NestFactory.create(
    { module: class AppModule {}, ...metadata },
    adapter,
    { ...options, logger: logs, abortOnError: false },
  );
  onTestFinished(() => app.close());
  await prepare(app);
  await app.listen(0, '127.0.0.1');
  return { app, logs, origin: await app.getUrl() };
}
