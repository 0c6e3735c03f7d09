import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import type { XeniooDispatch } from '../handlers/xenioo.dispatcher.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { XeniooSettings } from '../xenioo.options.js';
import { settledWithin } from './settled-within.js';
import { XeniooInbox, type XeniooDelivery } from './xenioo.inbox.js';

interface Waiting {
  readonly entry: XeniooEntry;
  next?: Waiting;
}

/**
 * Holds what is pending in the memory of this process: what a crash finds there
 * is gone. A handler that fails is logged and not tried again.
 */
export class MemoryInbox extends XeniooInbox {
  private readonly logger = new Logger('Xenioo');
  private dispatch: XeniooDispatch | undefined;
  private first: Waiting | undefined;
  private last: Waiting | undefined;
  private pending = 0;
  private running = 0;
  private scheduled: NodeJS.Immediate | undefined;
  private isOpen = true;
  private whenIdle: (() => void)[] = [];

  constructor(
    private readonly settings: Pick<
      XeniooSettings,
      'concurrency' | 'maxPending'
    >,
  ) {
    super();
  }

  async accept({ entries }: XeniooDelivery): Promise<void> {
    if (!this.isOpen) {
      throw new XeniooInboxError('the memory inbox has stopped');
    }
    if (this.pending >= this.settings.maxPending) {
      throw new XeniooInboxError(
        `the memory inbox is full: ${this.pending} events are pending. Are handlers slow or hanging? The limit is \`maxPending\` (${this.settings.maxPending}), events handled at once are \`concurrency\` (${this.settings.concurrency})`,
      );
    }
    for (const entry of entries) this.enqueue(entry);
    this.schedule();
  }

  async start(dispatch: XeniooDispatch): Promise<void> {
    this.dispatch = dispatch;
    this.schedule();
  }

  async idle(): Promise<void> {
    if (this.pending === 0) return;
    await new Promise<void>(resolve => this.whenIdle.push(resolve));
  }

  async stop(timeoutMs: number): Promise<void> {
    this.isOpen = false;
    if (await settledWithin(this.idle(), timeoutMs)) return;
    this.logger.warn(
      `Stopping with ${this.pending} events unhandled after ${timeoutMs} ms: they are lost with this process. If their handlers need longer, raise \`shutdownTimeoutMs\`.`,
    );
  }

  private enqueue(entry: XeniooEntry): void {
    const waiting: Waiting = { entry };
    if (this.last) this.last.next = waiting;
    else this.first = waiting;
    this.last = waiting;
    this.pending++;
  }

  /** Later, so that the answer goes out before handlers begin, and I/O comes in between. */
  private schedule(): void {
    if (!this.dispatch || this.scheduled || !this.first) return;
    this.scheduled = setImmediate(() => {
      this.scheduled = undefined;
      this.runWaiting(this.dispatch!);
    });
  }

  private runWaiting(dispatch: XeniooDispatch): void {
    while (this.first && this.running < this.settings.concurrency) {
      const { entry, next } = this.first;
      this.first = next;
      if (!next) this.last = undefined;
      this.running++;
      dispatch(entry)
        .catch((error: unknown) => {
          const { message, stack } = describeError(error);
          this.logger.error(`An event was not dispatched: ${message}`, stack);
        })
        .finally(() => this.settle());
    }
  }

  private settle(): void {
    this.running--;
    this.pending--;
    this.schedule();
    if (this.pending > 0) return;
    for (const resolve of this.whenIdle.splice(0)) resolve();
  }
}
