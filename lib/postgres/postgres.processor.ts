import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import { Queue } from '../inbox/keyed-task-queue.js';
import { recordRun, type XeniooRunRecord } from '../inbox/record-run.js';
import { restoreTask } from '../inbox/stored-form.js';
import type { XeniooRunner } from '../inbox/xenioo.inbox.js';
import type {
  ClaimedEvent,
  ClaimedConversation,
  ClaimedRetry,
} from './postgres.claims.js';
import {
  storedRetries,
  type FinishedRun,
  type PostgresRecorder,
} from './postgres.recorder.js';
import {
  MAX_DEATHS,
  recordDeaths,
  warnOfDeaths,
} from '../inbox/record-deaths.js';
import { ALONE_FROM_DEATHS } from './postgres.statements.js';
import type { PostgresTransactions, Source } from './postgres.transactions.js';

/** Delay in milliseconds before reading a task again that this version can't read. */
const RETRY_READ_AFTER_MS = 600_000;

type Claimed = ClaimedConversation | ClaimedRetry;

type Finish = Pick<FinishedRun, 'retries' | 'letters'>;

/** Runs the tasks that this process has claimed, and passes the results to the recorder. */
export class PostgresProcessor {
  private readonly logger = new Logger('Xenioo');
  private readonly ready = new Queue<Claimed>();
  /** Claimed conversations, by lane, until their release is recorded. */
  private readonly conversations = new Map<string, ClaimedConversation>();
  /** Ids of claimed retries, until their result is recorded. */
  private readonly retries = new Set<string>();
  /** Errors that handlers threw, by dead letter. */
  private readonly errors = new WeakMap<object, unknown>();
  private isOpen = false;
  private runningCount = 0;
  private unrecordedCount = 0;
  private startedCount = 0;

  constructor(
    private readonly recorder: PostgresRecorder,
    private readonly transactions: PostgresTransactions,
    private readonly runner: XeniooRunner,
    private readonly concurrency: number,
    private readonly membership: {
      /** Id of this process among the workers; absent before it is registered. */
      readonly worker: string | undefined;
      /** False if other processes may have taken over the tasks of this one. */
      readonly isLeaseValid: boolean;
    },
    private readonly events: {
      /** Called when there is capacity for more tasks. */
      onCapacity(): void;
      /** Called when retries were recorded, with the delay of the first one in milliseconds. */
      onRetry(inMs: number): void;
      /** Called when a claimed retry is released without a run. */
      onRetryReleased(): void;
      /** Called when a conversation was released that may have more events. */
      onConversationReleased(): void;
    },
  ) {}

  /** Number of tasks whose handlers run now. */
  get running(): number {
    return this.runningCount;
  }

  /** Number of tasks that run, or have run and are not recorded yet. */
  get unrecorded(): number {
    return this.unrecordedCount;
  }

  /** Number of claimed conversations and retries that wait for capacity. */
  get waiting(): number {
    return this.ready.length;
  }

  /** Number of runs since the start. */
  get started(): number {
    return this.startedCount;
  }

  get hasNoClaims(): boolean {
    return (
      this.conversations.size + this.retries.size + this.unrecordedCount === 0
    );
  }

  get claimed(): { lanes: string[]; retries: string[] } {
    return {
      lanes: [...this.conversations.keys()],
      retries: [...this.retries],
    };
  }

  open(): void {
    this.isOpen = true;
    this.start();
  }

  /** Starts no more tasks, and releases the waiting ones. */
  close(): void {
    this.isOpen = false;
    for (let next = this.ready.shift(); next; next = this.ready.shift()) {
      this.release(next);
    }
  }

  /** Adds a claimed conversation or retry, unless others have taken over the tasks of the worker that claimed it. */
  add(claimed: Claimed): void {
    if (claimed.worker !== this.membership.worker) return;
    if ('lane' in claimed) this.conversations.set(claimed.lane, claimed);
    else this.retries.add(claimed.retry);
    if (!this.isOpen) this.release(claimed);
    else this.ready.push(claimed);
    this.start();
  }

  /** Drops all claims, which belong to other processes now. */
  dropClaims(): void {
    this.conversations.clear();
    this.retries.clear();
    while (this.ready.shift());
  }

  /** Starts waiting tasks up to `concurrency`. */
  start(): void {
    while (
      this.isOpen &&
      this.membership.isLeaseValid &&
      this.runningCount < this.concurrency &&
      this.ready.length > 0
    ) {
      const claimed = this.ready.shift()!;
      if (!this.isStillClaimed(claimed)) continue;
      if ('retry' in claimed) void this.runRetry(claimed);
      else if (claimed.events.length > 0) void this.runNext(claimed);
      else this.release(claimed);
    }
    this.events.onCapacity();
  }

  /** False if another process has taken the task over, or if it was claimed again: a server that crashes may lose a claim. */
  private isStillClaimed(claimed: Claimed): boolean {
    return (
      !('lane' in claimed) || this.conversations.get(claimed.lane) === claimed
    );
  }

  /** Runs the next event of a conversation, then puts it behind the other waiting tasks. */
  private async runNext(conversation: ClaimedConversation): Promise<void> {
    const event = conversation.events.shift()!;
    const { lane, claim } = conversation;
    const source = { lane, n: event.n, id: event.id };
    const finish = await this.run(conversation, event, source);
    conversation.head = event.n + 1;
    const continues =
      this.isOpen &&
      conversation.events.length > 0 &&
      this.isStillClaimed(conversation);
    void this.finish(conversation, {
      ...finish,
      lane,
      claim,
      head: conversation.head,
      isReleased: !continues,
    });
    if (continues) this.ready.push(conversation);
    this.start();
  }

  private async runRetry(claimed: ClaimedRetry): Promise<void> {
    const { retry } = claimed;
    const finish = await this.run(claimed, claimed, { retry });
    void this.finish(claimed, { ...finish, retry });
    this.start();
  }

  private async run(
    { deaths }: Claimed,
    { body, done }: Pick<ClaimedEvent, 'body' | 'done'>,
    source: Source,
  ): Promise<Finish> {
    this.unrecordedCount++;
    const text = body.toString();
    let task: XeniooTask;
    try {
      task = restoreTask(text);
    } catch (error) {
      return this.postpone(text, error);
    }
    if (deaths >= MAX_DEATHS) return this.finishOf(recordDeaths(task, deaths));
    if (deaths >= ALONE_FROM_DEATHS) warnOfDeaths(task, deaths);
    this.runningCount++;
    this.startedCount++;
    const transact = this.transactions.transactFor(source);
    const results = await this.runner.run(task, { done, transact });
    this.runningCount--;
    return this.finishOf(recordRun(task, results));
  }

  private finishOf(record: XeniooRunRecord): Finish {
    const letters = record.deadLetters.map(({ letter, error }) => {
      this.errors.set(letter, error);
      return letter;
    });
    return { retries: storedRetries(record), letters };
  }

  /** Records a run, and announces its dead letters. */
  private async finish(
    claimed: Claimed,
    run: Omit<FinishedRun, 'worker'>,
  ): Promise<void> {
    const { worker } = claimed;
    const stored = await this.recorder.record({ ...run, worker });
    if (worker === this.membership.worker) {
      if (run.retry !== undefined) this.retries.delete(run.retry);
      if (run.isReleased && this.conversations.get(run.lane!) === claimed) {
        this.conversations.delete(run.lane!);
      }
    }
    const dueAt = Math.min(...run.retries.map(retry => retry.dueAt));
    if (stored && dueAt !== Infinity) this.events.onRetry(dueAt - Date.now());
    // @OnXeniooFailed() handlers delay no other task; idle() and stop() wait for them.
    await Promise.all(
      run.letters
        .filter(({ id }) => stored?.has(id))
        .map(letter => this.runner.announce(letter, this.errors.get(letter))),
    );
    this.unrecordedCount--;
    if (run.isReleased) this.events.onConversationReleased();
    this.events.onCapacity();
  }

  private release(claimed: Claimed): void {
    if ('retry' in claimed) {
      this.retries.delete(claimed.retry);
      this.events.onRetryReleased();
      return;
    }
    this.unrecordedCount++;
    const { lane, claim, head } = claimed;
    const nothing = { retries: [], letters: [] };
    void this.finish(claimed, {
      lane,
      claim,
      head,
      isReleased: true,
      ...nothing,
    });
  }

  /** Keeps an unreadable task as a retry, for a process whose version of the package can read it. */
  private postpone(body: string, error: unknown): Finish {
    this.logger.error(
      `A task of the PostgreSQL inbox can't be read and is kept as a retry; it is read again every ten minutes: ${describeError(error).message}`,
    );
    const dueAt = Date.now() + RETRY_READ_AFTER_MS;
    return { retries: [{ handler: undefined, dueAt, body }], letters: [] };
  }
}
