import { Logger } from '@nestjs/common';
import { onlyOf, type XeniooDispatch } from '../handlers/xenioo.dispatch.js';
import { settledWithin } from '../settled-within.js';
import type { XeniooSettings } from '../options/xenioo.options.js';
import { inOrderOfDate } from '../inbox/in-order-of-date.js';
import {
  MemoryAcceptance,
  type MemoryAcceptanceSettings,
} from './memory.acceptance.js';
import { MemoryDeadLetters } from './memory.dead-letters.js';
import { MemoryHandling } from './memory.handling.js';
import { Room } from '../inbox/room.js';
import { Rounds } from '../inbox/rounds.js';
import { XeniooInbox, type XeniooDelivery } from '../inbox/xenioo.inbox.js';

/** What the memory inbox takes from the options of its instance. */
export type MemoryInboxSettings = MemoryAcceptanceSettings &
  Pick<XeniooSettings, 'acknowledgeWithinMs'>;

/**
 * From so many entries on, a call is handled before the next one is read, if it
 * can be: what waits is copied by each collection of garbage. Small calls are
 * cheaper when several are handled together, and answered together.
 */
const MANY = 100;

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
  private readonly handling: MemoryHandling;
  private readonly acceptance: MemoryAcceptance;

  constructor(private readonly settings: MemoryInboxSettings) {
    super();
    this.room = new Room(settings.maxPending);
    this.handling = new MemoryHandling(
      settings.concurrency,
      this.deadLetters,
      round => this.acceptance.leave(round),
    );
    this.acceptance = new MemoryAcceptance(
      settings,
      this.room,
      this.rounds,
      this.deadLetters,
      this.handling,
    );
  }

  async accept({ entries }: XeniooDelivery): Promise<void> {
    const { acknowledgeWithinMs } = this.settings;
    const ordered = inOrderOfDate(entries);
    const isAwaited = acknowledgeWithinMs > 0;
    const beginsNow =
      isAwaited && entries.length >= MANY && this.handling.isIdle;
    const taken = this.acceptance.take(ordered);
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
}
