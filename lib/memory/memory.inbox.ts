import { Logger } from '@nestjs/common';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
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

/** A call whose events are pending: its answer waits for their first runs. */
class PendingCall {
  whenEnded: (() => void) | undefined;

  constructor(
    readonly receivedAt: Date,
    public pending: number,
  ) {}

  endRun(): void {
    if (--this.pending === 0) this.whenEnded?.();
  }
}

/** A task that waits for its turn, or runs. */
class QueuedTask {
  /** First runs of a conversation wait for each other; retries hold nothing back. */
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
 * Holds tasks in the memory of this process: what is pending is lost in a crash.
 * So the answer waits for the handlers, up to `acknowledgeWithinMs`.
 */
export class MemoryInbox extends XeniooInbox {
  override readonly deadLetters = new MemoryDeadLetters(tasks => {
    this.capacity.add(tasks.length);
    for (const task of tasks) this.enqueue(task);
  });

  private readonly logger = new Logger('Xenioo');
  private readonly capacity: CapacityLimiter;
  private readonly queue: KeyedTaskQueue<QueuedTask>;
  private readonly accepted: AcceptedIds | undefined;
  /** The calls that have pending events, and some before them that have none any more. */
  private readonly calls = new Queue<PendingCall>();
  private readonly retries = new Map<NodeJS.Timeout, XeniooTask>();
  private runner: XeniooRunner | undefined;
  private readonly count = { pending: 0, retries: 0 };
  private isPaused = false;
  private isDraining = false;

  constructor(
    private readonly settings: MemoryInboxSettings,
    private readonly instance: InstanceSettings,
  ) {
    super();
    const { concurrency, dedupe } = instance;
    this.capacity = new CapacityLimiter(settings.maxPending);
    this.queue = new KeyedTaskQueue(concurrency, queued => this.run(queued));
    if (dedupe) {
      this.accepted = new AcceptedIds(dedupe.maxIds, dedupe.ttlSeconds * 1_000);
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
      call.whenEnded = () => {
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
    this.queue.close();
  }

  async resume(): Promise<void> {
    this.isPaused = false;
    this.openQueue();
  }

  async stats(): Promise<XeniooInboxStats> {
    return {
      ...this.count,
      running: this.queue.running,
      deadLetters: this.deadLetters.size,
      oldestPendingAt: this.oldestCall()?.receivedAt,
    };
  }

  idle(): Promise<void> {
    return this.capacity.empty();
  }

  /** Handles everything, in a pause too: retries run at once, and for the last time. */
  drain(): Promise<void> {
    this.isDraining = true;
    this.openQueue();
    for (const [timer, task] of this.retries) {
      clearTimeout(timer);
      this.count.retries--;
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
      `Stopping after ${timeoutMs} ms with ${this.capacity.held} events unhandled: they are lost. If handlers need longer, raise \`shutdownTimeoutMs\`; a durable inbox would keep them.`,
    );
  }

  private openQueue(): void {
    if (this.runner && (this.isDraining || !this.isPaused)) this.queue.open();
  }

  /** Queues the entries of a call that were not accepted before, in the order of their dates. */
  private enqueueNew(delivery: XeniooDelivery): PendingCall {
    const { bot, receivedAt, entries, carrier } = delivery;
    const fresh = this.accepted?.addNew(entries) ?? entries;
    const duplicates = entries.length - fresh.length;
    if (duplicates > 0) {
      this.capacity.release(duplicates);
      this.runner?.reportDuplicates({ bot, count: duplicates });
    }
    const call = new PendingCall(receivedAt, fresh.length);
    if (fresh.length > 0) {
      this.oldestCall();
      this.calls.push(call);
    }
    for (const entry of inOrderOfDate(fresh)) {
      this.enqueue({ entry, attempts: 0, carrier }, call);
    }
    return call;
  }

  private enqueue(task: XeniooTask, call?: PendingCall): void {
    this.count[kindOf(task)]++;
    this.queue.add(new QueuedTask(task, call));
  }

  /** Returns the oldest call with pending events; those before it are forgotten. */
  private oldestCall(): PendingCall | undefined {
    while (this.calls.peek()?.pending === 0) this.calls.shift();
    return this.calls.peek();
  }

  private async run({ task, call }: QueuedTask): Promise<void> {
    // The queue is open, so the inbox was started.
    const runner = this.runner!;
    const results = await runner.run(task, { isLast: this.isDraining });
    const { retries, deadLetters } = recordRun(task, results);
    for (const retry of retries) this.addRetry(retry);
    const announced = deadLetters.map(({ letter, error }) => {
      this.deadLetters.add(letter);
      return runner.announce(letter, error);
    });
    // The handlers of an invalid entry are its first run; those of a failure hold nothing back.
    if (isInvalidEntry(task.entry)) await Promise.all(announced);
    this.count[kindOf(task)]--;
    call?.endRun();
    if (announced.length === 0) this.capacity.release(1);
    else void Promise.all(announced).then(() => this.capacity.release(1));
  }

  private addRetry({ task, dueAt }: XeniooRetry): void {
    this.capacity.add(1);
    if (this.isDraining) {
      this.enqueue(task);
      return;
    }
    this.count.retries++;
    const delay = Math.min(Math.max(0, dueAt - Date.now()), LONGEST_TIMER_MS);
    const timer = setTimeout(() => {
      this.retries.delete(timer);
      this.count.retries--;
      this.enqueue(task);
    }, delay);
    this.retries.set(timer, task);
  }

  private reasonOfRefusal(): string {
    const { maxPending } = this.settings;
    const { concurrency, acceptTimeoutMs } = this.instance;
    return this.capacity.isClosed
      ? 'the memory inbox has stopped'
      : `the memory inbox is full: ${this.capacity.held} events are pending, and no capacity became free within ${acceptTimeoutMs} ms (\`acceptTimeoutMs\`). Look for handlers that are slow or never end. The limit is \`maxPending\` (${maxPending}); \`concurrency\` (${concurrency}) events are handled at once`;
  }
}

function kindOf({ handler }: XeniooTask): 'pending' | 'retries' {
  return handler === undefined ? 'pending' : 'retries';
}
