import { Logger } from '@nestjs/common';
import * as bullmq from 'bullmq';
import * as bullmq5 from 'bullmq5';
import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { inject, onTestFinished } from 'vitest';
import {
  resolveBullmqInboxOptions,
  type BullmqInboxOptions,
} from '../../lib/bullmq/bullmq.inbox-options.js';
import { BullmqInbox } from '../../lib/bullmq/bullmq.inbox.js';
import type { XeniooQueue } from '../../lib/bullmq/bullmq.job.js';
import type { BullmqLibraries } from '../../lib/bullmq/load-bullmq.js';
import { InvalidXeniooEntry } from '../../lib/events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../../lib/events/parse-entry.js';
import type { XeniooDelivery } from '../../lib/events/xenioo-delivery.js';
import type { XeniooDeadLetter } from '../../lib/handlers/xenioo-dead-letter.js';
import type { XeniooDuplicates } from '../../lib/handlers/xenioo.observers.js';
import type {
  XeniooHandlerResult,
  XeniooTask,
} from '../../lib/handlers/xenioo-task.js';
import type { XeniooRunner } from '../../lib/inbox/xenioo.inbox.js';
import type { XeniooSettings } from '../../lib/options/xenioo.options.js';
import { eventOf, invalidOf } from './entry-of.js';
import { LogRecorder } from './log-recorder.js';

/** The versions of BullMQ that the inbox supports. */
export const BULLMQ_VERSIONS: readonly [string, BullmqLibraries][] = [
  ['BullMQ 6', { bullmq, Redis }],
  ['BullMQ 5', { bullmq: bullmq5 as unknown as typeof bullmq, Redis }],
];

/** Decides the results of a task; all handlers are done if it returns nothing. */
type Behaviour = (
  task: XeniooTask,
) => Promise<readonly XeniooHandlerResult[] | void>;

/** Runner with a behaviour that the test sets; it records its calls. */
export class TestRunner implements XeniooRunner {
  /** Every run, in order. */
  readonly runs: XeniooTask[] = [];
  readonly announced: { letter: XeniooDeadLetter; error: unknown }[] = [];
  readonly duplicates: XeniooDuplicates[] = [];
  behaviour: Behaviour;
  onAnnounce: (letter: XeniooDeadLetter) => Promise<void> = async () => {};

  constructor(behaviour: Behaviour = async () => []) {
    this.behaviour = behaviour;
  }

  /** The ids of the entries that were run, in order. */
  get ids(): string[] {
    return this.runs.map(({ entry }) => entry.id);
  }

  async run(task: XeniooTask): Promise<readonly XeniooHandlerResult[]> {
    this.runs.push(task);
    return (await this.behaviour(task)) ?? [];
  }

  async announce(letter: XeniooDeadLetter, error?: unknown): Promise<void> {
    this.announced.push({ letter, error });
    await this.onAnnounce(letter);
  }

  reportDuplicates(duplicates: XeniooDuplicates): void {
    this.duplicates.push(duplicates);
  }
}

const DEFAULTS = {
  concurrency: 32,
  dedupe: { ttlSeconds: 3_600, maxIds: 1_000 },
  acceptTimeoutMs: 30_000,
} satisfies Partial<XeniooSettings>;

export interface BullmqHarnessOptions extends Partial<BullmqInboxOptions> {
  readonly settings?: Partial<XeniooSettings>;
  readonly lockDurationMs?: number;
}

/** BullMQ inboxes on one queue of the test. They are stopped when the test ends. */
export class BullmqHarness {
  readonly queueName = `unit-${randomUUID()}`;
  readonly logs = new LogRecorder();
  /** Queue, to be used without an inbox. */
  readonly queue: XeniooQueue;
  readonly client: Redis;
  readonly url: string;

  constructor(
    private readonly libraries: BullmqLibraries,
    url = inject('redisUrl'),
  ) {
    this.url = url;
    Logger.overrideLogger(this.logs);
    const connection = new Redis(url, { maxRetriesPerRequest: 0 });
    this.client = connection;
    connection.on('error', () => {});
    this.queue = new libraries.bullmq.Queue(this.queueName, {
      connection,
      skipVersionCheck: true,
    });
    this.queue.on('error', () => {});
    onTestFinished(async () => {
      await this.queue.close().catch(() => {});
      connection.disconnect();
    });
  }

  open({
    settings,
    lockDurationMs,
    ...options
  }: BullmqHarnessOptions = {}): BullmqInbox {
    const inbox = new BullmqInbox(
      this.libraries,
      resolveBullmqInboxOptions({
        connection: this.url,
        queue: this.queueName,
        ...options,
      }),
      { ...DEFAULTS, ...settings },
      lockDurationMs,
    );
    onTestFinished(() => inbox.stop(0));
    return inbox;
  }

  async start(
    runner: XeniooRunner = new TestRunner(),
    options?: BullmqHarnessOptions,
  ): Promise<BullmqInbox> {
    const inbox = this.open(options);
    await inbox.start(runner);
    return inbox;
  }

  /** Resolves to true while a worker of the queue waits for a job. */
  async isWorkerWaiting(): Promise<boolean> {
    const clients = String(await this.client.client('LIST'));
    const name = Buffer.from(this.queueName).toString('base64');
    return clients
      .split('\n')
      .some(line => line.includes(name) && line.includes(' cmd=bzpopmin '));
  }

  async stateOf(id: string): Promise<string> {
    return this.queue.getJobState(id);
  }
}

/** Creates a delivery with these entries. */
export function deliveryOf(
  entries: readonly XeniooEntry[],
  more: Partial<XeniooDelivery> = {},
): XeniooDelivery {
  return { bot: 'default', receivedAt: new Date(), entries, ...more };
}

let made = 0;

/** Creates an event with a date and a unique id. */
export function datedEvent() {
  const Data = `message ${++made} ${randomUUID()}`;
  return eventOf({ Type: 1, Data, Date: '2024-05-01T12:00:00Z' });
}

export function undatedEvent() {
  return eventOf({ Type: 8 });
}

export function invalidEntry(): InvalidXeniooEntry {
  return invalidOf({ Type: 'none' });
}

export function done(handler: string, attempts = 1): XeniooHandlerResult {
  return { handler, status: 'done', attempts };
}

export function failed(
  handler: string,
  error: unknown = new Error(`${handler} is broken`),
  attempts = 1,
): XeniooHandlerResult {
  return { handler, status: 'failed', attempts, error };
}

export function retried(
  handler: string,
  inMs: number,
  attempts = 1,
): XeniooHandlerResult {
  const error = new Error(`${handler} fails`);
  const retryAt = Date.now() + inMs;
  return { handler, status: 'retry', attempts, retryAt, error };
}
