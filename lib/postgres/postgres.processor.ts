import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import { Queue } from '../inbox/keyed-task-queue.js';
import { recordRun, type XeniooRunRecord } from '../inbox/record-run.js';
import { restoreTask } from '../inbox/stored-form.js';
import type { XeniooRunner } from '../inbox/xenioo.inbox.js';
import type {
  ClaimedEvent,
  ClaimedLane,
  ClaimedRetry,
} from './postgres.claims.js';
import {
  storedRetries,
  type FinishedRun,
  type PostgresRecorder,
} from './postgres.recorder.js';
import { MAX_DEATHS, recordDeaths } from './record-deaths.js';
import type { PostgresTransactions, Source } from './postgres.transactions.js';

/** Time in milliseconds after which a task that this version can't read is looked at again. */
const READ_AGAIN_AFTER_MS = 600_000;

type Claimed = ClaimedLane | ClaimedRetry;

type Finish = Pick<FinishedRun, 'retries' | 'letters'>;

/** Runs the tasks in the hand of this process, and has the results recorded. */
export class PostgresProcessor {
  private readonly logger = new Logger('Xenioo');
  private readonly ready = new Queue<Claimed>();
  /** In hand: lanes until they are let go on record, retries until they are recorded. */
  private readonly lanes = new Map<string, ClaimedLane>();
  private readonly retries = new Set<string>();
  /** What handlers threw, by dead letter. */
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
      /** Id of this process among the workers. */
      readonly worker: string | undefined;
      /** False where what is in hand may run elsewhere. */
      readonly isFresh: boolean;
    },
    private readonly events: {
      /** There is room for more tasks. */
      onRoom(): void;
      /** Retries were recorded, the first of which is due in so many milliseconds. */
      onRetry(inMs: number): void;
      /** A retry that was claimed does not run here. */
      onRetryLetGo(): void;
      /** A conversation was let go that may have more events. */
      onLetGo(): void;
    },
  ) {}

  /** Tasks whose handlers run now. */
  get running(): number {
    return this.runningCount;
  }

  /** Tasks that run, or have run and are not recorded yet. */
  get unrecorded(): number {
    return this.unrecordedCount;
  }

  /** Tasks in hand that wait for a place. */
  get waiting(): number {
    return this.ready.length;
  }

  /** Runs since the start. */
  get started(): number {
    return this.startedCount;
  }

  get isEmptyHanded(): boolean {
    return this.lanes.size + this.retries.size + this.unrecordedCount === 0;
  }

  get held(): { lanes: string[]; retries: string[] } {
    return { lanes: [...this.lanes.keys()], retries: [...this.retries] };
  }

  open(): void {
    this.isOpen = true;
    this.start();
  }

  /** Starts nothing more, and lets go of what waits here. */
  close(): void {
    this.isOpen = false;
    for (let next = this.ready.shift(); next; next = this.ready.shift()) {
      this.letGo(next);
    }
  }

  /** Takes tasks that were claimed. */
  add(claimed: Claimed): void {
    if ('lane' in claimed) this.lanes.set(claimed.lane, claimed);
    else this.retries.add(claimed.retry);
    if (!this.isOpen) this.letGo(claimed);
    else this.ready.push(claimed);
    this.start();
  }

  /** Other processes have what this one had in hand. */
  forget(): void {
    this.lanes.clear();
    this.retries.clear();
    while (this.ready.shift());
  }

  /** Starts what there is a place for. */
  start(): void {
    while (
      this.isOpen &&
      this.membership.isFresh &&
      this.runningCount < this.concurrency &&
      this.ready.length > 0
    ) {
      const claimed = this.ready.shift()!;
      if (!this.isInHand(claimed)) continue;
      if ('retry' in claimed) void this.runRetry(claimed);
      else if (claimed.events.length > 0) void this.runNext(claimed);
      else this.letGo(claimed);
    }
    this.events.onRoom();
  }

  /** False for what others have taken over, or what was claimed again: a server that crashes may forget a claim. */
  private isInHand(claimed: Claimed): boolean {
    if (claimed.worker !== this.membership.worker) return false;
    return !('lane' in claimed) || this.lanes.get(claimed.lane) === claimed;
  }

  /** Runs the next event of a conversation; then others have their turn. */
  private async runNext(lane: ClaimedLane): Promise<void> {
    const event = lane.events.shift()!;
    const source = { lane: lane.lane, n: event.n, id: event.id };
    const finish = await this.run(lane, event, source, event.done);
    lane.head = event.n + 1;
    const goesOn = this.isOpen && lane.events.length > 0 && this.isInHand(lane);
    void this.finish(lane, {
      ...finish,
      lane: lane.lane,
      claim: lane.claim,
      head: lane.head,
      ends: !goesOn,
    });
    if (goesOn) this.ready.push(lane);
    this.start();
  }

  private async runRetry(claimed: ClaimedRetry): Promise<void> {
    const { retry } = claimed;
    const finish = await this.run(claimed, claimed, { retry }, []);
    void this.finish(claimed, { ...finish, retry });
    this.start();
  }

  private async run(
    { deaths }: Claimed,
    { body }: Pick<ClaimedEvent, 'body'>,
    source: Source,
    done: readonly string[],
  ): Promise<Finish> {
    this.unrecordedCount++;
    const text = body.toString();
    let task: XeniooTask;
    try {
      task = restoreTask(text);
    } catch (error) {
      return this.postponed(text, error);
    }
    if (deaths >= MAX_DEATHS) return this.finishOf(recordDeaths(task, deaths));
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
      if (run.ends && this.lanes.get(run.lane!) === claimed) {
        this.lanes.delete(run.lane!);
      }
    }
    const dueAt = Math.min(...run.retries.map(retry => retry.dueAt));
    if (stored && dueAt !== Infinity) this.events.onRetry(dueAt - Date.now());
    // Handlers that hear of dead letters hold nothing back; idle() and stop() wait for them.
    await Promise.all(
      run.letters
        .filter(({ id }) => stored?.has(id))
        .map(letter => this.runner.announce(letter, this.errors.get(letter))),
    );
    this.unrecordedCount--;
    if (run.ends) this.events.onLetGo();
    this.events.onRoom();
  }

  private letGo(claimed: Claimed): void {
    if ('retry' in claimed) {
      this.retries.delete(claimed.retry);
      this.events.onRetryLetGo();
      return;
    }
    this.unrecordedCount++;
    const { lane, claim, head } = claimed;
    const nothing = { retries: [], letters: [] };
    void this.finish(claimed, { lane, claim, head, ends: true, ...nothing });
  }

  /** Keeps a task that another version of the package has stored, for a process that can read it. */
  private postponed(body: string, error: unknown): Finish {
    this.logger.error(
      `A task of the PostgreSQL inbox can't be read, and is kept as a retry: ${describeError(error).message}`,
    );
    const dueAt = Date.now() + READ_AGAIN_AFTER_MS;
    return { retries: [{ handler: undefined, dueAt, body }], letters: [] };
  }
}
