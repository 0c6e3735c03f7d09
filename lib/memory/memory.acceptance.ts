import { setImmediate } from 'node:timers/promises';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { XeniooSettings } from '../options/xenioo.options.js';
import { Claims } from '../inbox/claims.js';
import { letterOfInvalid } from '../inbox/dead-letter.js';
import { FirstAttempts } from '../inbox/first-attempts.js';
import type { MemoryDeadLetters } from './memory.dead-letters.js';
import type { MemoryHandling } from './memory.handling.js';
import type { Room } from '../inbox/room.js';
import type { Rounds } from '../inbox/rounds.js';

/** What the taking of calls needs of the options of its instance. */
export type MemoryAcceptanceSettings = Pick<
  XeniooSettings,
  'concurrency' | 'dedupe' | 'maxPending' | 'acceptTimeoutMs'
>;

/** How many entries of a call are taken before the event loop turns. */
const MOST_AT_ONCE = 2_000;

/** What the entries of one call have in common. */
interface Call {
  readonly round: number;
  readonly firstAttempts: FirstAttempts;
}

/** Takes what calls bring, as far as there is room for it, and nobody has taken it before. */
export class MemoryAcceptance {
  private readonly claims: Claims;
  /** Settles when the rest of a large call is in. */
  private rest: Promise<unknown> | undefined;

  constructor(
    private readonly settings: MemoryAcceptanceSettings,
    private readonly room: Room,
    private readonly rounds: Rounds,
    private readonly deadLetters: MemoryDeadLetters,
    private readonly handling: MemoryHandling,
  ) {
    this.claims = new Claims(settings.dedupe);
  }

  /**
   * Hands the entries to the handling; at once, where the call has not to wait.
   * @throws {XeniooInboxError} when its turn has not come within `acceptTimeoutMs`
   */
  take(
    entries: readonly XeniooEntry[],
  ): FirstAttempts | Promise<FirstAttempts> {
    return this.takeAtOnce(entries) ?? this.takeInTurn(entries);
  }

  /** One of those that were taken is pending no more. */
  leave(round: number): void {
    this.room.leave();
    this.rounds.end(round);
  }

  /** Nothing where the call has to wait, for room or for another one. */
  private takeAtOnce(
    entries: readonly XeniooEntry[],
  ): FirstAttempts | Promise<FirstAttempts> | undefined {
    if (this.rest || !this.room.isFree) return undefined;
    const first = entries.slice(0, MOST_AT_ONCE);
    const fresh = this.claims.take(first);
    if (!fresh) return undefined;
    // With its first entries, the call is in as a whole.
    this.room.add(entries.length);
    const call = this.begin(entries.length);
    this.add(fresh, call);
    this.drop(first.length - fresh.length, call);
    return first.length < entries.length
      ? this.keepTogether(this.takeRest(entries, call))
      : call.firstAttempts;
  }

  /** Calls that come meanwhile wait, so that nothing of theirs gets in between. */
  private keepTogether(rest: Promise<FirstAttempts>): Promise<FirstAttempts> {
    const end = () => (this.rest = undefined);
    this.rest = rest.then(end, end);
    return rest;
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
    // That takes turns of the event loop, and no handler's time.
    if (this.rest) await this.rest;
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

  private whyNot(): string {
    const { maxPending, concurrency, acceptTimeoutMs } = this.settings;
    return this.room.isClosed
      ? 'the memory inbox has stopped'
      : `the memory inbox is full: ${this.room.taken} events are pending, and none became free within ${acceptTimeoutMs} ms (\`acceptTimeoutMs\`). Are handlers slow or hanging? The limit is \`maxPending\` (${maxPending}), events handled at once are \`concurrency\` (${concurrency})`;
  }
}
