import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../describe-error.js';
import { settledWithin } from '../settled-within.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { BullmqEngine, OpenEngine } from './bullmq.engine.js';

/** How long to wait before an engine that was down is tried again. */
const OPEN_AGAIN_AFTER_MS = 500;

/** How long to wait for an engine that is asked to let go. */
const CLOSE_WITHIN_MS = 1_000;

/** However often its trouble comes and goes. */
const TELL_EVERY_MS = 10_000;

/** The way to the engine: opened as soon as it answers, and told of once while it does not. */
export class BullmqConnection {
  private readonly logger = new Logger('Xenioo');
  private readonly opening: Promise<OpenEngine | undefined>;
  private readonly closing = new AbortController();
  private opened: OpenEngine | undefined;
  private isInTrouble = false;
  private troubledAt = -Infinity;
  private tellAgainAt = -Infinity;

  constructor(
    private readonly engine: BullmqEngine,
    private readonly acceptTimeoutMs: number,
  ) {
    this.opening = this.openAtLast();
  }

  get name(): string {
    return this.engine.name;
  }

  /** Whether the engine is there, as far as one can see. */
  get isUp(): boolean {
    return this.opened?.isUp ?? false;
  }

  private get isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  /**
   * The engine, as soon as it has answered once.
   * @throws {XeniooInboxError} when it does not within `acceptTimeoutMs`
   */
  async open(timeoutMs = this.acceptTimeoutMs): Promise<OpenEngine> {
    if (!this.opened) await settledWithin(this.opening, timeoutMs);
    if (this.opened && !this.isClosed) return this.opened;
    throw new XeniooInboxError(
      this.isClosed
        ? 'the BullMQ inbox has stopped'
        : `${this.name} does not answer`,
    );
  }

  /** Resolves with the engine however long that takes; with nothing when it is closed before. */
  whenOpen(): Promise<OpenEngine | undefined> {
    return this.opening;
  }

  /** It did not do what it was asked for. */
  tellTrouble(error: unknown): void {
    if (this.isClosed) return;
    this.troubledAt = performance.now();
    // Should that fail too, the next trouble tells.
    void this.opened?.mend?.(error).catch(() => {});
    if (this.isInTrouble || this.troubledAt < this.tellAgainAt) return;
    this.isInTrouble = true;
    this.tellAgainAt = this.troubledAt + TELL_EVERY_MS;
    this.logger.error(
      `${this.name} does not do what it should: ${whyNot(error)}. It is asked again until it does; nothing that was accepted is lost.`,
    );
  }

  /** It did what it was asked for; what it was asked before its trouble does not count. */
  tellWell(askedAt = performance.now()): void {
    if (!this.isInTrouble || askedAt < this.troubledAt) return;
    this.isInTrouble = false;
    this.logger.log(`${this.name} does what it should again.`);
  }

  async close(): Promise<void> {
    this.closing.abort();
    const closed = this.opening.then(opened => opened?.close());
    await settledWithin(
      closed.catch(() => {}),
      CLOSE_WITHIN_MS,
    );
  }

  private async openAtLast(): Promise<OpenEngine | undefined> {
    while (!this.isClosed) {
      try {
        const opened = await this.engine.open();
        this.tellWell();
        return (this.opened = opened);
      } catch (error) {
        this.tellTrouble(error);
        // A worker has nothing else that keeps its process alive until then.
        const { signal } = this.closing;
        await sleep(OPEN_AGAIN_AFTER_MS, undefined, { signal }).catch(() => {});
      }
    }
    return undefined;
  }
}

/** Why it did not, in plain words where the clients have others. */
export function whyNot(error: unknown): string {
  const { message } = describeError(error);
  const isAway = /isn't writeable|max retries per request|Connection is closed/;
  return isAway.test(message) ? "it can't be reached" : message;
}
