import { Logger } from '@nestjs/common';
import { setImmediate } from 'node:timers/promises';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { onlyOf, type XeniooDispatch } from '../handlers/xenioo.dispatch.js';
import { settledWithin } from '../settled-within.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { XeniooSettings } from '../xenioo.options.js';
import { Claims } from './claims.js';
import { letterOfInvalid } from './dead-letter.js';
import { FirstAttempts } from './first-attempts.js';
import { inOrderOfDate } from './in-order-of-date.js';
import { MemoryDeadLetters } from './memory.dead-letters.js';
import { MemoryHandling } from './memory.handling.js';
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

/** How many entries of a call are taken before the event loop turns. */
const MOST_AT_ONCE = 2_000;

/**
 * From so many entries on, a call is handled before the next one is read, if it
 * can be: what waits is copied by each collection of garbage. Small calls are
 * cheaper when several are handled together, and answered together.
 */
const MANY = 100;

/** What the entries of one call have in common. */
interface Call {
  readonly round: number;
  readonly firstAttempts: FirstAttempts;
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
      for (const entry of entries) {
        this.handling.add({ entry, round, progress });
      }
    },
  );

  private readonly logger = new Logger('Xenioo');
  private readonly room: Room;
  private readonly rounds = new Rounds();
  private readonly claims: Claims;
  private readonly handling: MemoryHandling;

  constructor(private readonly settings: MemoryInboxSettings) {
    super();
    this.room = new Room(settings.maxPending);
    this.claims = new Claims(settings.dedupe);
    this.handling = new MemoryHandling(
      settings.concurrency,
      this.deadLetters,
      round => this.leave(round),
    );
  }

  async accept({ entries }: XeniooDelivery): Promise<void> {
    const { acknowledgeWithinMs } = this.settings;
    const ordered = inOrderOfDate(entries);
    const isAwaited = acknowledgeWithinMs > 0;
    const beginsNow =
      isAwaited && entries.length >= MANY && this.handling.isIdle;
    const taken = this.takeAtOnce(ordered) ?? this.takeInTurn(ordered);
    if (beginsNow) this.handling.beginNow();
    const attempts = taken instanceof Promise ? await taken : taken;
    if (isAwaited && !attempts.haveEnded) {
      await attempts.endedWithin(acknowledgeWithinMs);
    }
  }

  async start(dispatch: XeniooDispatch): Promise<void> {
    this.handling.begin(dispatch);
  }

  idle(): Promise<void> {
    return this.room.empty();
  }

  /** What waits for its next attempt gets it at once, and then is a dead letter. */
  override drain(): Promise<void> {
    this.handling.drain();
    return this.rounds.allEnded();
  }

  async stop(timeoutMs: number): Promise<void> {
    this.room.close();
    void this.drain();
    if (await settledWithin(this.idle(), timeoutMs)) return;
    this.handling.end();
    this.logger.warn(
      `Stopping with ${this.room.taken} events unhandled after ${timeoutMs} ms: they are lost with this process. If their handlers need longer, raise \`shutdownTimeoutMs\`; an inbox on disk would keep them.`,
    );
  }

  /** Nothing where the call has to wait, for room or for another one. */
  private takeAtOnce(
    entries: readonly XeniooEntry[],
  ): FirstAttempts | Promise<FirstAttempts> | undefined {
    if (!this.room.isFree) return undefined;
    const first = entries.slice(0, MOST_AT_ONCE);
    const fresh = this.claims.take(first);
    if (!fresh) return undefined;
    // With its first entries, the call is in as a whole.
    this.room.add(entries.length);
    const call = this.begin(entries.length);
    this.add(fresh, call);
    this.drop(first.length - fresh.length, call);
    return first.length < entries.length
      ? this.takeRest(entries, call)
      : call.firstAttempts;
  }

  /** Lets the event loop turn: a large call takes as long as many small ones. */
  private async takeRest(
    entries: readonly XeniooEntry[],
    call: Call,
  ): Promise<FirstAttempts> {
    for (let from = MOST_AT_ONCE; from < entries.length; from += MOST_AT_ONCE) {
      await setImmediate();
      const some = entries.slice(from, from + MOST_AT_ONCE);
      const fresh = this.claims.seize(some);
      this.add(fresh, call);
      this.drop(some.length - fresh.length, call);
    }
    return call.firstAttempts;
  }

  /** @throws {XeniooInboxError} when its turn has not come within `acceptTimeoutMs` */
  private async takeInTurn(
    entries: readonly XeniooEntry[],
  ): Promise<FirstAttempts> {
    const { acceptTimeoutMs } = this.settings;
    const latest = performance.now() + acceptTimeoutMs;
    const claim = await this.claims.claim(entries, acceptTimeoutMs);
    if (!claim) throw new XeniooInboxError(this.whyNot());
    const left = Math.max(0, latest - performance.now());
    if (!(await this.room.enter(claim.entries.length, left))) {
      claim.release();
      throw new XeniooInboxError(this.whyNot());
    }
    const fresh = claim.keep();
    const call = this.begin(claim.entries.length);
    this.add(fresh, call);
    this.drop(claim.entries.length - fresh.length, call);
    return call.firstAttempts;
  }

  private begin(count: number): Call {
    const round = this.rounds.begin(count);
    return { round, firstAttempts: new FirstAttempts(count) };
  }

  private add(entries: readonly XeniooEntry[], call: Call): void {
    const { round, firstAttempts } = call;
    for (const entry of entries) {
      if (entry instanceof InvalidXeniooEntry) {
        this.deadLetters.add(letterOfInvalid(entry));
      }
      this.handling.add({ entry, round, firstAttempts });
    }
  }

  /** So many were taken before. */
  private drop(count: number, { round, firstAttempts }: Call): void {
    for (let n = 0; n < count; n++) {
      firstAttempts.end();
      this.leave(round);
    }
  }

  private leave(round: number): void {
    this.room.leave();
    this.rounds.end(round);
  }

  private whyNot(): string {
    const { maxPending, concurrency, acceptTimeoutMs } = this.settings;
    return this.room.isClosed
      ? 'the memory inbox has stopped'
      : `the memory inbox is full: ${this.room.taken} events are pending, and none became free within ${acceptTimeoutMs} ms (\`acceptTimeoutMs\`). Are handlers slow or hanging? The limit is \`maxPending\` (${maxPending}), events handled at once are \`concurrency\` (${concurrency})`;
  }
}
