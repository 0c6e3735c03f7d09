import {
  Injectable,
  type INestApplicationContext,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { randomUUID } from 'node:crypto';
import { inject, onTestFinished } from 'vitest';
import {
  bullmqInbox,
  type BullmqInboxOptions,
} from '../../lib/bullmq/index.js';
import {
  OnXenioo,
  OnXeniooFailed,
  UserMessageEvent,
  XeniooDeadLetters,
  XeniooEventType,
  XeniooModule,
  type XeniooHandlerFailure,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import { idle, senderFor } from '../../lib/testing/index.js';
import { startHost, type AdapterName } from './host-app.js';
import {
  startRedis,
  type RedisOptions,
  type RedisServer,
} from './engines/redis-server.js';
import { LogRecorder } from './log-recorder.js';

/** Engines are killed, and what was lost is tried again later. */
const PATIENT = { timeoutMs: 20_000 };

/** A queue of the test's own on the Redis of the run. */
export function aQueue(): { connection: string; queue: string } {
  return { connection: inject('redisUrl'), queue: randomUUID() };
}

/** A Redis of the test's own, which it may kill; it ends with the test, after the applications. */
export async function ownRedis(options?: RedisOptions): Promise<RedisServer> {
  const server = await startRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

/** What the handlers of one test do, in whatever application. */
export class HandlerRecord {
  /** Texts of what was begun, in order. */
  readonly begun: string[] = [];
  /** The same of what came to its end. */
  readonly done: string[] = [];
  /** The same of what the other handler, which nothing stops, did. */
  readonly noted: string[] = [];
  readonly failures: XeniooHandlerFailure[] = [];
  /** Awaited by the first handler, and may throw. */
  work: (event: UserMessageEvent) => unknown = () => {};
}

/** A provider that keeps a record. */
function createHandlers(record: HandlerRecord): Type {
  @Injectable()
  class Handlers {
    @OnXenioo(XeniooEventType.UserMessage, { name: 'keep' })
    async keep(event: UserMessageEvent): Promise<void> {
      record.begun.push(event.text!);
      await record.work(event);
      record.done.push(event.text!);
    }

    @OnXenioo(XeniooEventType.UserMessage, { name: 'note' })
    note(event: UserMessageEvent): void {
      record.noted.push(event.text!);
    }

    @OnXeniooFailed()
    fail(failure: XeniooHandlerFailure): void {
      record.failures.push(failure);
    }
  }
  return Handlers;
}

export interface BullmqHostOptions {
  readonly record?: HandlerRecord;
  readonly options?: Partial<XeniooModuleOptions>;
  readonly imports?: ModuleMetadata['imports'];
}

function metadataOf(
  inbox: BullmqInboxOptions,
  {
    record = new HandlerRecord(),
    options = {},
    imports = [],
  }: BullmqHostOptions,
): ModuleMetadata {
  return {
    imports: [
      XeniooModule.forRoot({
        secret: 'right-secret',
        inbox: bullmqInbox(inbox),
        acceptTimeoutMs: 9_000,
        ...options,
      }),
      ...imports,
    ],
    providers: [createHandlers(record)],
  };
}

/** Starts an application that is called over HTTP. */
export async function startReceiver(
  adapter: AdapterName,
  inbox: BullmqInboxOptions,
  { record = new HandlerRecord(), ...more }: BullmqHostOptions = {},
) {
  const host = await startHost(adapter, metadataOf(inbox, { record, ...more }));
  const { app } = host;
  const sender = await senderFor(app, {
    failures: 'ignore',
    // Longer than any `acceptTimeoutMs`.
    timeoutMs: 30_000,
  });
  onTestFinished(() => sender.close());
  return {
    ...host,
    record,
    /** Makes one call, and tells what it was answered. */
    send: async (body: unknown) => (await sender.call(body)).outcome,
    idle: () => idle(app, PATIENT),
    letters: app.get(XeniooDeadLetters),
  };
}

/** Starts an application without a server, that handles what others accepted. */
export async function startWorker(
  inbox: BullmqInboxOptions,
  { record = new HandlerRecord(), ...more }: BullmqHostOptions = {},
) {
  const logs = new LogRecorder();
  const app: INestApplicationContext =
    await NestFactory.createApplicationContext(
      {
        module: class WorkerModule {},
        ...metadataOf(inbox, { record, ...more }),
      },
      { logger: logs, abortOnError: false },
    );
  onTestFinished(() => app.close());
  return {
    app,
    logs,
    record,
    idle: () => idle(app, PATIENT),
    letters: app.get(XeniooDeadLetters),
  };
}
