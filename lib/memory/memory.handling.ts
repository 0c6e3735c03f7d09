import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type {
  XeniooAttempt,
  XeniooDispatch,
  XeniooProgress,
  XeniooSettlement,
} from '../handlers/xenioo.dispatch.js';
import { letterOfFailures } from '../inbox/dead-letter.js';
import type { FirstAttempts } from '../inbox/first-attempts.js';
import { conversationOf } from '../inbox/in-order-of-date.js';
import { Lanes, type Task } from '../inbox/lanes.js';
import type { MemoryDeadLetters } from './memory.dead-letters.js';
import { RetryTimers } from '../inbox/retry-timers.js';

const FIRST_ATTEMPT: XeniooAttempt = { progress: undefined, isLast: false };

/** What is to be handled, once more or for the first time. */
export interface Pending {
  readonly entry: XeniooEntry;
  /** When it was taken. */
  readonly round: number;
  /** Absent before its first attempt. */
  readonly progress?: XeniooProgress | undefined;
  /** Those of its call, before its own. */
  readonly firstAttempts?: FirstAttempts | undefined;
}

/** Hands to the dispatcher what is pending in memory, until nothing is left to do about it. */
export class MemoryHandling {
  private readonly logger = new Logger('Xenioo');
  private readonly lanes: Lanes;
  private readonly retries = new RetryTimers();
  private dispatch!: XeniooDispatch;
  private isDraining = false;

  constructor(
    concurrency: number,
    private readonly deadLetters: MemoryDeadLetters,
    /** Hears of what was taken in a round, and is pending no more. */
    private readonly leave: (round: number) => void,
  ) {
    this.lanes = new Lanes(concurrency);
  }

  /** Begins with what was added. */
  begin(dispatch: XeniooDispatch): void {
    this.dispatch = dispatch;
    this.lanes.open();
  }

  /** Whether nothing waits for its turn. */
  get isIdle(): boolean {
    return this.lanes.isIdle;
  }

  /** Begins now with what was added, and not after other I/O. */
  beginNow(): void {
    this.lanes.beginNow();
  }

  /** Begins nothing more; what runs goes on. */
  end(): void {
    this.lanes.close();
  }

  /** What waits for its next attempt gets it at once, and that is its last. */
  drain(): void {
    this.isDraining = true;
    this.retries.runAll();
  }

  add({ entry, round, progress, firstAttempts }: Pending): void {
    this.lanes.add(new Attempt(this, entry, round, progress, firstAttempts));
  }

  /** Begins an attempt; tells when it ends, where that is later. */
  run(pending: Pending): Promise<void> | undefined {
    const { entry, progress } = pending;
    try {
      const settlement = progress
        ? this.dispatch(entry, { progress, isLast: this.isDraining })
        : this.dispatch(entry, FIRST_ATTEMPT);
      if (settlement instanceof Promise) return this.await(pending, settlement);
      this.settle(pending, settlement);
    } catch (error) {
      this.giveUp(pending, error);
    }
    return undefined;
  }

  private async await(
    pending: Pending,
    dispatched: Promise<XeniooSettlement>,
  ): Promise<void> {
    try {
      this.settle(pending, await dispatched);
    } catch (error) {
      this.giveUp(pending, error);
    }
  }

  private settle(pending: Pending, settlement: XeniooSettlement): void {
    const { entry, round, firstAttempts } = pending;
    const { failures, retryAt, progress } = settlement;
    if (failures.length > 0) {
      const earlier = this.deadLetters.find(entry.id)?.failures;
      this.deadLetters.add(letterOfFailures(entry, failures, earlier));
    }
    // From here on nothing throws: an attempt must not end twice.
    firstAttempts?.end();
    if (retryAt !== undefined) {
      this.retryAt(retryAt, { entry, round, progress });
    }
    if (failures.length > 0) {
      // Whoever hears of failures holds nothing back.
      void this.announce(pending, settlement);
    } else if (retryAt === undefined) {
      this.leave(round);
    }
  }

  private async announce(
    { round }: Pending,
    { announce, retryAt }: XeniooSettlement,
  ): Promise<void> {
    await announce();
    if (retryAt === undefined) this.leave(round);
  }

  private giveUp({ round, firstAttempts }: Pending, error: unknown): void {
    const { message, stack } = describeError(error);
    this.logger.error(`An event was not dispatched: ${message}`, stack);
    firstAttempts?.end();
    this.leave(round);
  }

  private retryAt(at: number, pending: Pending): void {
    if (this.isDraining) {
      this.add(pending);
      return;
    }
    this.retries.add(at, () => this.add(pending));
  }
}

/** First attempts of a conversation wait for each other; later ones hold nothing back. */
class Attempt implements Task, Pending {
  constructor(
    private readonly handling: MemoryHandling,
    readonly entry: XeniooEntry,
    readonly round: number,
    readonly progress: XeniooProgress | undefined,
    readonly firstAttempts: FirstAttempts | undefined,
  ) {}

  get lane(): string | undefined {
    return this.progress ? undefined : conversationOf(this.entry);
  }

  run(): Promise<void> | undefined {
    return this.handling.run(this);
  }
}
