import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooDispatch } from '../handlers/xenioo.dispatcher.js';
import { settledWithin } from '../settled-within.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { XeniooSettings } from '../xenioo.options.js';
import { Room } from './room.js';
import { XeniooInbox, type XeniooDelivery } from './xenioo.inbox.js';

/** What the memory inbox takes from the options of its instance. */
export type MemoryInboxSettings = Pick<
  XeniooSettings,
  'concurrency' | 'acknowledgeWithinMs' | 'maxPending' | 'acceptTimeoutMs'
>;

interface Waiting {
  readonly entry: XeniooEntry;
  readonly settled: () => void;
  next?: Waiting;
}

/**
 * Holds what is pending in the memory of this process: what a crash finds there
 * is gone. So the answer waits for the handlers, within `acknowledgeWithinMs`.
 * A handler that fails is logged and not tried again.
 */
export class MemoryInbox extends XeniooInbox {
  private readonly logger = new Logger('Xenioo');
  private readonly room: Room;
  private dispatch: XeniooDispatch | undefined;
  private first: Waiting | undefined;
  private last: Waiting | undefined;
  private running = 0;
  private scheduled: NodeJS.Immediate | undefined;

  constructor(private readonly settings: MemoryInboxSettings) {
    super();
    this.room = new Room(settings.maxPending);
  }

  async accept({ entries }: XeniooDelivery): Promise<void> {
    const { acceptTimeoutMs, acknowledgeWithinMs } = this.settings;
    if (!(await this.room.enter(entries.length, acceptTimeoutMs))) {
      throw new XeniooInboxError(this.whyNot());
    }
    const handled = this.enqueue(entries);
    this.schedule();
    if (acknowledgeWithinMs > 0) {
      await settledWithin(handled, acknowledgeWithinMs);
    }
  }

  async start(dispatch: XeniooDispatch): Promise<void> {
    this.dispatch = dispatch;
    this.schedule();
  }

  idle(): Promise<void> {
    return this.room.empty();
  }

  async stop(timeoutMs: number): Promise<void> {
    this.room.close();
    if (await settledWithin(this.idle(), timeoutMs)) return;
    this.logger.warn(
      `Stopping with ${this.room.taken} events unhandled after ${timeoutMs} ms: they are lost with this process. If their handlers need longer, raise \`shutdownTimeoutMs\`.`,
    );
  }

  private whyNot(): string {
    const { maxPending, concurrency, acceptTimeoutMs } = this.settings;
    return this.room.isClosed
      ? 'the memory inbox has stopped'
      : `the memory inbox is full: ${this.room.taken} events are pending, and none became free within ${acceptTimeoutMs} ms (\`acceptTimeoutMs\`). Are handlers slow or hanging? The limit is \`maxPending\` (${maxPending}), events handled at once are \`concurrency\` (${concurrency})`;
  }

  /** Resolves when every entry's handlers have run. */
  private enqueue(entries: readonly XeniooEntry[]): Promise<void> {
    return new Promise(resolve => {
      let unsettled = entries.length;
      if (unsettled === 0) resolve();
      const settled = () => {
        if (--unsettled === 0) resolve();
      };
      for (const entry of entries) {
        const waiting: Waiting = { entry, settled };
        if (this.last) this.last.next = waiting;
        else this.first = waiting;
        this.last = waiting;
      }
    });
  }

  /** Later, so that I/O comes in between, the answers to other calls first. */
  private schedule(): void {
    if (!this.dispatch || this.scheduled || !this.first) return;
    this.scheduled = setImmediate(() => {
      this.scheduled = undefined;
      this.runWaiting(this.dispatch!);
    });
  }

  private runWaiting(dispatch: XeniooDispatch): void {
    while (this.first && this.running < this.settings.concurrency) {
      const { entry, settled, next } = this.first;
      this.first = next;
      if (!next) this.last = undefined;
      this.running++;
      dispatch(entry)
        .catch((error: unknown) => {
          const { message, stack } = describeError(error);
          this.logger.error(`An event was not dispatched: ${message}`, stack);
        })
        .finally(() => {
          this.running--;
          settled();
          this.room.leave();
          this.schedule();
        });
    }
  }
}
