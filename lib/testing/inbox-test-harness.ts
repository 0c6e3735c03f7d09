import assert from 'node:assert/strict';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooCarrier } from '../events/xenioo-delivery.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooDuplicates } from '../handlers/xenioo.observers.js';
import type {
  XeniooHandlerResult,
  XeniooTask,
} from '../handlers/xenioo-task.js';
import type {
  XeniooInbox,
  XeniooInboxStats,
  XeniooRunner,
} from '../inbox/xenioo.inbox.js';
import { plural } from '../plural.js';
import { settledWithin } from '../settled-within.js';
import type {
  XeniooInboxSettings,
  XeniooInboxStorage,
} from './xenioo.inbox-under-test.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

/** A run of an event's task. */
export interface RecordedRun {
  readonly task: XeniooTask;
  readonly startedAt: number;
}

type Handle = (run: RecordedRun) => Promise<readonly XeniooHandlerResult[]>;

/** Requirements by their names. */
export type ContractCases = Record<
  string,
  (test: InboxTestHarness) => Promise<void>
>;

/** Opens inboxes on one storage, one after another, with a runner that the test controls. */
export class InboxTestHarness {
  /** Runs of events, in the order in which they started. */
  readonly runs: RecordedRun[] = [];
  /** Dead letters, in the order in which they were announced. */
  readonly announced: XeniooDeadLetter[] = [];
  readonly duplicates: XeniooDuplicates[] = [];
  /** Steps that the test noted, in order. */
  readonly steps: string[] = [];
  /** Runs the handlers of a task; no handler matches unless the test replaces it. */
  handle: Handle = async () => [];
  /** Called for each announced dead letter. */
  onAnnounce: XeniooRunner['announce'] = async () => {};
  private opened?: XeniooInbox | undefined;

  constructor(
    readonly storage: XeniooInboxStorage,
    private readonly waitMs: number,
  ) {}

  /** The inbox that was opened last. */
  get inbox(): XeniooInbox {
    assert.ok(this.opened, 'no inbox is open');
    return this.opened;
  }

  /** Ids of the events that were run, in order. */
  get ids(): string[] {
    return this.runs.map(({ task }) => task.entry.id);
  }

  async open(settings?: Partial<XeniooInboxSettings>): Promise<void> {
    this.opened = await this.storage.open({
      concurrency: 32,
      dedupe: { ttlSeconds: 3_600, maxIds: 10_000 },
      acceptTimeoutMs: 5_000,
      ...settings,
    });
  }

  /** Opens an inbox unless one is open, and starts it. */
  async start(settings?: Partial<XeniooInboxSettings>): Promise<void> {
    if (!this.opened) await this.open(settings);
    await this.inbox.start({
      run: async (task, { isLast = false } = {}) => {
        // An inbox may or may not run the task of an invalid entry.
        if (isInvalidEntry(task.entry)) return [];
        const run = { task, startedAt: Date.now() };
        this.runs.push(run);
        const results = await this.handle(run);
        // Lets the test stop an inbox that runs a task again and again.
        await setImmediate();
        return isLast ? results.map(withoutRetry) : results;
      },
      announce: async (letter, error) => {
        this.announced.push(letter);
        await this.onAnnounce(letter, error);
      },
      reportDuplicates: duplicates => void this.duplicates.push(duplicates),
    });
  }

  async drain(): Promise<void> {
    await this.within(this.inbox.drain(), 'drain() to resolve');
  }

  async stop(timeoutMs = this.waitMs): Promise<void> {
    const inbox = this.opened;
    this.opened = undefined;
    if (inbox) await this.within(inbox.stop(timeoutMs), 'stop() to resolve');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Makes a call with these entries. */
  async accept(
    entries: readonly XeniooEntry[],
    carrier?: XeniooCarrier,
  ): Promise<void> {
    const { bot = 'default', receivedAt = new Date() } = entries[0] ?? {};
    const delivery = { bot, receivedAt, entries, carrier };
    await this.within(this.inbox.accept(delivery), 'accept() to settle');
  }

  async idle(): Promise<void> {
    await this.within(this.inbox.idle(), 'idle() to resolve');
  }

  /** Makes a call with these entries, and waits until they are handled. */
  async process(
    entries: readonly XeniooEntry[],
    carrier?: XeniooCarrier,
  ): Promise<void> {
    await this.accept(entries, carrier);
    await this.idle();
  }

  /** Waits until this number of runs has started. */
  async waitForRuns(count: number): Promise<void> {
    await this.waitUntil(
      async () => this.runs.length >= count,
      plural(count, 'run'),
    );
  }

  /** Waits until `stats()` contains these numbers. */
  async waitForStats(expected: Partial<XeniooInboxStats>): Promise<void> {
    const names = Object.keys(expected) as (keyof XeniooInboxStats)[];
    await this.waitUntil(
      async () => {
        const stats = await this.inbox.stats();
        return names.every(name => stats[name] === expected[name]);
      },
      `stats() to reach ${JSON.stringify(expected)}`,
    );
  }

  /** Waits until a condition is true; `what` names it for the error. */
  async waitUntil(isTrue: () => Promise<boolean>, what: string): Promise<void> {
    const latest = Date.now() + this.waitMs;
    while (!(await isTrue())) {
      const isLate = Date.now() >= latest;
      assert.ok(!isLate, `expected ${what} within ${this.waitMs} ms`);
      await setTimeout(2);
    }
  }

  /** Waits for work, ten times as long as `waitMs`, since it may be for thousands of events. */
  private async within(work: Promise<void>, what: string): Promise<void> {
    const timeoutMs = 10 * this.waitMs;
    const isSettled = await settledWithin(work, timeoutMs);
    assert.ok(isSettled, `expected ${what} within ${timeoutMs} ms`);
  }
}

function withoutRetry(result: XeniooHandlerResult): XeniooHandlerResult {
  if (result.status !== 'retry') return result;
  const { handler, attempts, error } = result;
  return { handler, status: 'failed', attempts, error };
}
