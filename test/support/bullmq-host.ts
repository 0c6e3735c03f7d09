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

// Lost work is retried only some time after an engine was killed.
const PATIENT = { timeoutMs: 20_000 };

/** Returns options of a new queue on the shared Redis. */
export function newQueue(): { connection: string; queue: string } {
  return { connection: inject('redisUrl'), queue: randomUUID() };
}

/** Starts a Redis that the test may kill. It is stopped when the test ends, after the applications. */
export async function startOwnRedis(
  options?: RedisOptions,
): Promise<RedisServer> {
  const server = await startRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

/** Record of the handlers of one test, in any of its applications. */
export class HandlerRecord {
  /** Texts of the started events, in order. */
  readonly begun: string[] = [];
  /** Texts of the finished events, in order. */
  readonly done: string[] = [];
  /** Texts that the second handler, which never fails, got, in order. */
  readonly noted: string[] = [];
  readonly failures: XeniooHandlerFailure[] = [];
  /** Awaited by the first handler; may throw. */
  work: (event: UserMessageEvent) => unknown = () => {};
}

/** Creates a provider whose handlers write to the record. */
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
    /** Makes one call and returns its outcome. */
    send: async (body: unknown) => (await sender.call(body)).outcome,
    idle: () => idle(app, PATIENT),
    letters: app.get(XeniooDeadLetters),
  };
}

/** Starts an application without a server that handles the events which others accepted. */
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
