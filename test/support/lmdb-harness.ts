import { Logger } from '@nestjs/common';
import { onTestFinished, vi } from 'vitest';
import type { XeniooEntry } from '../../lib/events/parse-entry.js';
import type { XeniooEvent } from '../../lib/events/xenioo.events.js';
import type { XeniooDeadLetter } from '../../lib/handlers/xenioo-dead-letter.js';
import type { XeniooDuplicates } from '../../lib/handlers/xenioo.observers.js';
import type {
  XeniooHandlerResult,
  XeniooTask,
} from '../../lib/handlers/xenioo-task.js';
import type { XeniooRunner } from '../../lib/inbox/xenioo.inbox.js';
import {
  LmdbInbox,
  type LmdbInboxInstanceSettings,
} from '../../lib/lmdb/lmdb.inbox.js';
import { inboxPath } from './lmdb-folder.js';
import { LogRecorder } from './log-recorder.js';
import { eventOf, invalidOf } from './entry-of.js';
import { WAIT_OPTIONS } from './wait-options.js';

/** Decides the results of a task; all handlers are done if it returns nothing. */
export type Behaviour = (
  task: XeniooTask,
) =>
  | readonly XeniooHandlerResult[]
  | void
  | Promise<readonly XeniooHandlerResult[] | void>;

/** LMDB inboxes on one folder, with runners whose behaviour the test sets. */
export class LmdbHarness {
  /** Every task that ran, in order. */
  readonly runs: XeniooTask[] = [];
  readonly announced: { letter: XeniooDeadLetter; error: unknown }[] = [];
  readonly duplicates: XeniooDuplicates[] = [];
  readonly logs = new LogRecorder();
  private readonly opened = new Set<LmdbInbox>();

  private constructor(
    readonly path: string,
    private readonly deadLetterRetentionDays: number,
  ) {}

  /** Creates a harness whose inboxes are stopped when the test ends. */
  static async create({
    path,
    deadLetterRetentionDays = 90,
  }: {
    path?: string;
    deadLetterRetentionDays?: number;
  } = {}): Promise<LmdbHarness> {
    const harness = new LmdbHarness(
      path ?? (await inboxPath()),
      deadLetterRetentionDays,
    );
    Logger.overrideLogger(harness.logs);
    onTestFinished(() => harness.clear());
    return harness;
  }

  async open(
    settings: Partial<LmdbInboxInstanceSettings> = {},
  ): Promise<LmdbInbox> {
    const { path, deadLetterRetentionDays } = this;
    const inbox = await LmdbInbox.open(
      { path, deadLetterRetentionDays },
      {
        concurrency: 32,
        dedupe: { ttlSeconds: 3_600, maxIds: 1_000 },
        acceptTimeoutMs: 30_000,
        ...settings,
      },
    );
    this.opened.add(inbox);
    return inbox;
  }

  async start(
    behaviour: Behaviour = () => {},
    settings?: Partial<LmdbInboxInstanceSettings>,
  ): Promise<LmdbInbox> {
    const inbox = await this.open(settings);
    await inbox.start(this.runner(behaviour));
    return inbox;
  }

  runner(behaviour: Behaviour = () => {}): XeniooRunner {
    return {
      run: async task => {
        this.runs.push(task);
        return (await behaviour(task)) ?? [done()];
      },
      announce: async (letter, error) => {
        this.announced.push({ letter, error });
      },
      reportDuplicates: duplicates => this.duplicates.push(duplicates),
    };
  }

  async stop(inbox: LmdbInbox, timeoutMs = 10_000): Promise<void> {
    this.opened.delete(inbox);
    await inbox.stop(timeoutMs);
  }

  /** Resolves when this number of tasks has run. */
  async hasRun(count: number): Promise<void> {
    const hasRun = () => this.runs.length >= count;
    await vi.waitUntil(hasRun, WAIT_OPTIONS);
  }

  /** Ids of the entries that ran, in order. */
  get ids(): string[] {
    return this.runs.map(({ entry }) => entry.id);
  }

  private async clear(): Promise<void> {
    for (const inbox of this.opened) await this.stop(inbox, 0);
  }
}

/** Creates a delivery with these entries. */
export function delivery(
  entries: readonly XeniooEntry[],
  carrier?: Record<string, string>,
) {
  return { bot: 'default', receivedAt: new Date(), entries, carrier };
}

export function done(handler = 'Crm.save', attempts = 1): XeniooHandlerResult {
  return { handler, status: 'done', attempts };
}

/** Creates the result of a handler that is to be retried. */
export function retry(inMs: number, attempts = 1): XeniooHandlerResult {
  const retryAt = Date.now() + inMs;
  const error = new Error('the CRM is down');
  return { handler: 'Crm.tell', status: 'retry', attempts, retryAt, error };
}

/** Creates the result of a handler that gave up. */
export function failed(handler = 'Crm.save'): XeniooHandlerResult {
  const error = new Error(`${handler} is broken`);
  return { handler, status: 'failed', attempts: 3, error };
}

let made = 0;

/** Creates an event with a date, of one conversation or none. */
export function datedEvent(conversation?: string): XeniooEvent {
  const tick = String(++made).padStart(7, '0');
  return eventOf({
    Type: 1,
    Data: `message ${made}`,
    Date: `2024-05-01T12:00:00.${tick}+00:00`,
    ConversationId: conversation ?? null,
  });
}

export function undatedEvent(): XeniooEvent {
  return eventOf({ Type: 8 });
}

export function invalidEntry(): XeniooEntry {
  return invalidOf({ Type: 'none' });
}
