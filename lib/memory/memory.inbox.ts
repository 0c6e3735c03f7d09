import { Logger } from '@nestjs/common';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import type { XeniooTransact } from '../handlers/xenioo-transaction.js';
import { CapacityLimiter } from '../inbox/capacity-limiter.js';
import { conversationOf, inOrderOfDate } from '../inbox/entries.js';
import { KeyedTaskQueue, Queue } from '../inbox/keyed-task-queue.js';
import { recordRun, type XeniooRetry } from '../inbox/record-run.js';
import {
  XeniooInbox,
  type XeniooInboxStats,
  type XeniooRunner,
} from '../inbox/xenioo.inbox.js';
import { LONGEST_TIMER_MS } from '../options/range-problems.js';
import type { XeniooSettings } from '../options/xenioo.options.js';
import { settledWithin } from '../settled-within.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import { MemoryDeadLetters } from './memory.dead-letters.js';
import { AcceptedIds } from './accepted-ids.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';

export interface MemoryInboxSettings {
  readonly maxPending: number;
  readonly acknowledgeWithinMs: number;
}

type InstanceSettings = Pick<
  XeniooSettings,
  'concurrency' | 'dedupe' | 'acceptTimeoutMs'
>;

/** A call with pending events. Its answer waits for their first runs. */
class PendingCall {
  onHandled: (() => void) | undefined;

  constructor(
    readonly receivedAt: Date,
    public pending: number,
  ) {}

  eventHandled(): void {
    if (--this.pending === 0) this.onHandled?.();
  }
}

/** A task that is queued or running. */
class QueuedTask {
  /** Conversation of a first run; first runs with the same key run one after another. Absent for retries, which other tasks don't wait for. */
  readonly key: string | undefined;

  constructor(
    readonly task: XeniooTask,
    /** Absent for retries and replays. */
    readonly call: PendingCall | undefined,
  ) {
    const { entry, handler } = task;
    this.key = handler === undefined ? conversationOf(entry) : undefined;
  }
}

/**
 * Holds tasks in the memory of this process. A crash loses the pending ones;
 * therefore the answer waits for the handlers, for up to `acknowledgeWithinMs`.
 */
export class MemoryInbox extends XeniooInbox {
  override readonly deadLetters = new MemoryDeadLetters(tasks => {
    this.capacity.add(tasks.length);
    for (const task of tasks) this.enqueue(task);
  });

  override readonly runsTransactions: boolean;

  private readonly logger = new Logger('Xenioo');
  private readonly capacity: CapacityLimiter;
  private readonly queue: KeyedTaskQueue<QueuedTask>;
  private readonly acceptedIds: AcceptedIds | undefined;
  /** Calls with pending events, from the oldest to the newest, and finished calls that were not yet removed. */
  private readonly calls = new Queue<PendingCall>();
  private readonly retries = new Map<NodeJS.Timeout, XeniooTask>();
  private runner: XeniooRunner | undefined;
  private readonly counts = { pending: 0, retries: 0 };
  private isPaused = false;
  private isDraining = false;

  constructor(
    private readonly settings: MemoryInboxSettings,
    private readonly instance: InstanceSettings,
    /** Runs transactional handlers in tests; without it the inbox runs none. */
    private readonly transact?: XeniooTransact,
  ) {
    super();
    this.runsTransactions = transact !== undefined;
    const { concurrency, dedupe } = instance;
    this.capacity = new CapacityLimiter(settings.maxPending);
    this.queue = new KeyedTaskQueue(concurrency, queued => this.run(queued));
    if (dedupe) {
      this.acceptedIds = new AcceptedIds(
        dedupe.maxIds,
        dedupe.ttlSeconds * 1_000,
      );
    }
  }

  async accept(delivery: XeniooDelivery): Promise<void> {
    const startedAt = performance.now();
    const { acceptTimeoutMs } = this.instance;
    const { length } = delivery.entries;
    if (!(await this.capacity.admit(length, acceptTimeoutMs))) {
      throw new XeniooInboxError(this.reasonOfRefusal());
    }
    const call = this.enqueueNew(delivery);
    const remainingMs = acceptTimeoutMs - (performance.now() - startedAt);
    const waitMs = Math.min(this.settings.acknowledgeWithinMs, remainingMs);
    if (waitMs <= 0 || call.pending === 0) return;
    this.queue.startNow();
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, waitMs);
      call.onHandled = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async assertAccepting(): Promise<void> {
    if (this.capacity.isFull)
      throw new XeniooInboxError(this.reasonOfRefusal());
  }

  async start(runner: XeniooRunner): Promise<void> {
    this.runner = runner;
    this.openQueue();
  }

  async pause(): Promise<void> {
    this.isPaused = true;
    if (!this.isDraining) this.queue.close();
  }

  async resume(): Promise<void> {
    this.isPaused = false;
    this.openQueue();
  }

  async stats(): Promise<XeniooInboxStats> {
    return {
      ...this.counts,
      running: this.queue.running,
      deadLetters: this.deadLetters.size,
      oldestPendingAt: this.oldestCall()?.receivedAt,
    };
  }

  idle(): Promise<void> {
    return this.capacity.whenEmpty();
  }

  /** Handles all tasks, even if processing is paused. Retries run at once, for the last time. */
  drain(): Promise<void> {
    this.isDraining = true;
    this.openQueue();
    for (const [timer, task] of this.retries) {
      clearTimeout(timer);
      this.counts.retries--;
      this.enqueue(task);
    }
    this.retries.clear();
    return this.idle();
  }

  async stop(timeoutMs: number): Promise<void> {
    this.capacity.close();
    if (await settledWithin(this.drain(), timeoutMs)) return;
    this.queue.close();
    this.logger.warn(
      `Stopping before all events are handled; the others are lost (events: ${this.capacity.held}). If handlers need longer, raise \`shutdownTimeoutMs\`, or use a durable inbox, which keeps unhandled events.`,
    );
  }

  private openQueue(): void {
    if (this.runner && (this.isDraining || !this.isPaused)) this.queue.open();
  }

  /** Queues the entries of a call except duplicates, in the order of their dates. */
  private enqueueNew(delivery: XeniooDelivery): PendingCall {
    const { bot, receivedAt, entries, carrier } = delivery;
    const newEntries = this.acceptedIds?.addNew(entries) ?? entries;
    const duplicates = entries.length - newEntries.length;
    if (duplicates > 0) {
      this.capacity.release(duplicates);
      this.runner?.reportDuplicates({ bot, count: duplicates });
    }
    const call = new PendingCall(receivedAt, newEntries.length);
    if (newEntries.length > 0) {
      this.oldestCall();
      this.calls.push(call);
    }
    for (const entry of inOrderOfDate(newEntries)) {
      this.enqueue({ entry, attempts: 0, carrier }, call);
    }
    return call;
  }

  private enqueue(task: XeniooTask, call?: PendingCall): void {
    this.counts[counterOf(task)]++;
    this.queue.add(new QueuedTask(task, call));
  }

  /** Returns the oldest call with pending events. Removes the finished calls before it. */
  private oldestCall(): PendingCall | undefined {
    while (this.calls.peek()?.pending === 0) this.calls.shift();
    return this.calls.peek();
  }

  private async run({ task, call }: QueuedTask): Promise<void> {
    // The queue is opened only after `start()` has set the runner.
    const runner = this.runner!;
    const { isDraining: isLast, transact } = this;
    const results = await runner.run(task, {
      isLast,
      ...(transact && { transact }),
    });
    const { retries, deadLetters } = recordRun(task, results);
    for (const retry of retries) this.addRetry(retry);
    const announced = deadLetters.map(({ letter, error }) => {
      this.deadLetters.add(letter);
      return runner.announce(letter, error);
    });
    // The `@OnXeniooInvalid()` handlers are the first run of an invalid entry. The call does not wait for `@OnXeniooFailed()` handlers.
    if (isInvalidEntry(task.entry)) await Promise.all(announced);
    this.counts[counterOf(task)]--;
    call?.eventHandled();
    if (announced.length === 0) this.capacity.release(1);
    else void Promise.all(announced).then(() => this.capacity.release(1));
  }

  private addRetry({ task, dueAt }: XeniooRetry): void {
    this.capacity.add(1);
    if (this.isDraining) {
      this.enqueue(task);
      return;
    }
    this.counts.retries++;
    const delay = Math.min(Math.max(0, dueAt - Date.now()), LONGEST_TIMER_MS);
    const timer = setTimeout(() => {
      this.retries.delete(timer);
      this.counts.retries--;
      this.enqueue(task);
    }, delay);
    this.retries.set(timer, task);
  }

  private reasonOfRefusal(): string {
    const { maxPending } = this.settings;
    const { concurrency } = this.instance;
    return this.capacity.isClosed
      ? 'the memory inbox has stopped'
      : `the memory inbox is full (pending events: ${this.capacity.held}, \`maxPending\`: ${maxPending}). Check for handlers that are slow or never finish; \`concurrency\` is ${concurrency}`;
  }
}

/** Returns the counter in which a task is counted. */
function counterOf({ handler }: XeniooTask): 'pending' | 'retries' {
  return handler === undefined ? 'pending' : 'retries';
}
