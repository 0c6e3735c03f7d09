import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import {
  onlyOf,
  type XeniooDispatch,
  type XeniooProgress,
  type XeniooSettlement,
} from '../handlers/xenioo.dispatch.js';
import { settledWithin } from '../settled-within.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { XeniooSettings } from '../xenioo.options.js';
import { Claims } from './claims.js';
import { letterOfFailures, letterOfInvalid } from './dead-letter.js';
import { conversationOf, inOrderOfDate } from './in-order-of-date.js';
import { Lanes } from './lanes.js';
import { MemoryDeadLetters } from './memory.dead-letters.js';
import { RetryTimers } from './retry-timers.js';
import { Room } from './room.js';
import { Rounds } from './rounds.js';
import { XeniooInbox, type XeniooDelivery } from './xenioo.inbox.js';

/** What the memory inbox takes from the options of its instance. */
export type MemoryInboxSettings = Pick<
  XeniooSettings,
  | 'concurrency'
  | 'dedupe'
  | 'acknowledgeWithinMs'
  | 'maxPending'
  | 'acceptTimeoutMs'
>;

interface Pending {
  readonly entry: XeniooEntry;
  /** When it was taken. */
  readonly round: number;
  /** Absent before its first attempt. */
  readonly progress: XeniooProgress | undefined;
  /** Called when every handler has had its first attempt. */
  readonly attempted?: () => void;
}

/**
 * Holds what is pending in the memory of this process: what a crash finds there
 * is gone. So the answer waits for the handlers, within `acknowledgeWithinMs`.
 */
export class MemoryInbox extends XeniooInbox {
  override readonly deadLetters = new MemoryDeadLetters(
    ({ entries, handlers }) => {
      this.room.add(entries.length);
      const round = this.rounds.begin(entries.length);
      const progress = handlers && onlyOf(handlers);
      for (const entry of entries) this.enqueue({ entry, round, progress });
    },
  );

  private readonly logger = new Logger('Xenioo');
  private readonly room: Room;
  private readonly rounds = new Rounds();
  private readonly lanes: Lanes;
  private readonly claims: Claims;
  private readonly retries = new RetryTimers();
  private dispatch: XeniooDispatch | undefined;
  private isDraining = false;

  constructor(private readonly settings: MemoryInboxSettings) {
    super();
    this.room = new Room(settings.maxPending);
    this.lanes = new Lanes(settings.concurrency);
    this.claims = new Claims(settings.dedupe);
  }

  async accept({ entries }: XeniooDelivery): Promise<void> {
    const { acceptTimeoutMs, acknowledgeWithinMs } = this.settings;
    const latest = performance.now() + acceptTimeoutMs;
    const claim = await this.claims.claim(entries, acceptTimeoutMs);
    if (!claim) throw new XeniooInboxError(this.whyNot());
    const left = Math.max(0, latest - performance.now());
    if (!(await this.room.enter(claim.entries.length, left))) {
      claim.release();
      throw new XeniooInboxError(this.whyNot());
    }
    claim.keep();
    const attempted = this.take(claim.entries);
    if (acknowledgeWithinMs > 0) {
      await settledWithin(attempted, acknowledgeWithinMs);
    }
  }

  async start(dispatch: XeniooDispatch): Promise<void> {
    this.dispatch = dispatch;
    this.lanes.open();
  }

  idle(): Promise<void> {
    return this.room.empty();
  }

  /** What waits for its next attempt gets it at once, and then is a dead letter. */
  override drain(): Promise<void> {
    this.isDraining = true;
    this.retries.runAll();
    return this.rounds.allEnded();
  }

  async stop(timeoutMs: number): Promise<void> {
    this.room.close();
    void this.drain();
    if (await settledWithin(this.idle(), timeoutMs)) return;
    this.lanes.close();
    this.logger.warn(
      `Stopping with ${this.room.taken} events unhandled after ${timeoutMs} ms: they are lost with this process. If their handlers need longer, raise \`shutdownTimeoutMs\`; an inbox on disk would keep them.`,
    );
  }

  private whyNot(): string {
    const { maxPending, concurrency, acceptTimeoutMs } = this.settings;
    return this.room.isClosed
      ? 'the memory inbox has stopped'
      : `the memory inbox is full: ${this.room.taken} events are pending, and none became free within ${acceptTimeoutMs} ms (\`acceptTimeoutMs\`). Are handlers slow or hanging? The limit is \`maxPending\` (${maxPending}), events handled at once are \`concurrency\` (${concurrency})`;
  }

  /** Resolves when every entry's handlers have had their first attempt. */
  private take(entries: readonly XeniooEntry[]): Promise<void> {
    const round = this.rounds.begin(entries.length);
    return new Promise(resolve => {
      let left = entries.length;
      if (left === 0) resolve();
      const attempted = () => {
        if (--left === 0) resolve();
      };
      for (const entry of inOrderOfDate(entries)) {
        if (entry instanceof InvalidXeniooEntry) {
          this.deadLetters.add(letterOfInvalid(entry));
        }
        this.enqueue({ entry, round, progress: undefined, attempted });
      }
    });
  }

  /** First attempts of a conversation wait for each other; later ones hold nothing back. */
  private enqueue(pending: Pending): void {
    const isFirst = !pending.progress;
    this.lanes.add({
      lane: isFirst ? conversationOf(pending.entry) : undefined,
      run: () => this.run(pending),
    });
  }

  private async run(pending: Pending): Promise<void> {
    const { entry, round, progress: before, attempted } = pending;
    const isLast = this.isDraining && before !== undefined;
    const attempt = { progress: before, isLast };
    try {
      const settlement = await this.dispatch!(entry, attempt);
      attempted?.();
      this.keepFailures(entry, settlement);
      // Whoever hears of failures holds nothing back.
      void this.settle(pending, settlement);
    } catch (error) {
      const { message, stack } = describeError(error);
      this.logger.error(`An event was not dispatched: ${message}`, stack);
      attempted?.();
      this.leave(round);
    }
  }

  private async settle(
    { entry, round }: Pending,
    { retryAt, progress, announce }: XeniooSettlement,
  ): Promise<void> {
    if (retryAt !== undefined)
      this.retryAt(retryAt, { entry, round, progress });
    await announce();
    if (retryAt === undefined) this.leave(round);
  }

  private leave(round: number): void {
    this.room.leave();
    this.rounds.end(round);
  }

  private keepFailures(
    entry: XeniooEntry,
    { failures }: XeniooSettlement,
  ): void {
    if (failures.length === 0) return;
    const earlier = this.deadLetters.find(entry.id)?.failures;
    this.deadLetters.add(letterOfFailures(entry, failures, earlier));
  }

  private retryAt(at: number, pending: Pending): void {
    if (this.isDraining) {
      this.enqueue(pending);
      return;
    }
    this.retries.add(at, () => this.enqueue(pending));
  }
}
