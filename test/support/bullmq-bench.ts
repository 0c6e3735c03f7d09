import { Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { inject, onTestFinished } from 'vitest';
import type {
  BullmqEngine,
  OpenEngine,
} from '../../lib/bullmq/bullmq.engine.js';
import {
  resolveBullmqInboxOptions,
  type BullmqInboxOptions,
  type BullmqInboxSettings,
} from '../../lib/bullmq/bullmq.inbox-options.js';
import { BullmqInbox } from '../../lib/bullmq/bullmq.inbox.js';
import { createEngine } from '../../lib/bullmq/create-engine.js';
import { Bench } from '../../lib/testing/inbox-bench.js';
import type { EngineName } from './engines/find-engines.js';
import { LogRecorder } from './log-recorder.js';

export interface BullmqBench {
  /** Opens BullMQ inboxes, all on one queue. They are stopped when the test ends. */
  readonly bench: Bench;
  readonly engine: BullmqEngine;
  readonly options: BullmqInboxSettings;
  readonly logs: LogRecorder;
  /** The queue itself, past every inbox. */
  readonly open: OpenEngine;
}

/** The engine that the run shares. */
export function urlOf(engine: EngineName): string {
  return inject(engine === 'redis' ? 'redisUrl' : 'postgresUrl');
}

/** BullMQ inboxes on a queue of the test's own, and all that they log. */
export async function bullmqBench(
  name: EngineName,
  given: BullmqInboxOptions = {},
): Promise<BullmqBench> {
  const logs = new LogRecorder();
  Logger.overrideLogger(logs);
  const options = resolveBullmqInboxOptions({
    connection: urlOf(name),
    queue: `unit-${randomUUID()}`,
    ...given,
  });
  const engine = await createEngine(options);
  const bench = new Bench(
    {
      open: async settings =>
        new BullmqInbox(await createEngine(options), options, settings),
    },
    10_000,
  );
  const open = await engine.open();
  onTestFinished(async () => {
    await bench.clear();
    await open.close();
  });
  return { bench, engine, options, logs, open };
}
