import { settledWithin } from '../settled-within.js';

interface Waiter {
  readonly size: number;
  readonly decide: (isAdmitted: boolean) => void;
}

/**
 * Limits the number of events that an inbox holds at once. A group of any size is
 * admitted as a whole while fewer events than the limit are held. Groups that have to
 * wait are admitted in the order in which they came.
 */
export class CapacityLimiter {
  private heldCount = 0;
  private isOpen = true;
  private readonly waiters = new Set<Waiter>();
  private emptyListeners: (() => void)[] = [];

  constructor(private readonly limit: number) {}

  /** Number of events that are held. */
  get held(): number {
    return this.heldCount;
  }

  get isClosed(): boolean {
    return !this.isOpen;
  }

  /** True if a group would not be admitted at once. */
  get isFull(): boolean {
    return (
      !this.isOpen || this.waiters.size > 0 || this.heldCount >= this.limit
    );
  }

  /** Admits a group, at once or within `timeoutMs`. Returns false if it was not admitted. An empty group needs no capacity. */
  async admit(size: number, timeoutMs: number): Promise<boolean> {
    if (!this.isOpen) return false;
    if (!this.isFull || size === 0) {
      this.heldCount += size;
      return true;
    }
    let decide!: Waiter['decide'];
    const decision = new Promise<boolean>(resolve => (decide = resolve));
    const waiter = { size, decide };
    this.waiters.add(waiter);
    await settledWithin(decision, timeoutMs);
    if (this.waiters.delete(waiter)) decide(false);
    return decision;
  }

  /** Adds events regardless of the limit. */
  add(size: number): void {
    this.heldCount += size;
  }

  /** Removes events, and admits waiting groups. */
  release(size: number): void {
    this.heldCount -= size;
    for (const waiter of this.waiters) {
      if (this.heldCount >= this.limit) break;
      this.waiters.delete(waiter);
      this.heldCount += waiter.size;
      waiter.decide(true);
    }
    if (this.heldCount > 0 || this.emptyListeners.length === 0) return;
    for (const resolve of this.emptyListeners.splice(0)) resolve();
  }

  /** Resolves when no events are held. */
  async whenEmpty(): Promise<void> {
    if (this.heldCount === 0) return;
    await new Promise<void>(resolve => this.emptyListeners.push(resolve));
  }

  /** Stops admitting groups: `admit()` returns false, also to those that are waiting. */
  close(): void {
    this.isOpen = false;
    for (const waiter of this.waiters) waiter.decide(false);
    this.waiters.clear();
  }
}
