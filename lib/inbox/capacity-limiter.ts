import { settledWithin } from '../settled-within.js';

interface Waiter {
  readonly size: number;
  readonly decide: (isAdmitted: boolean) => void;
}

/**
 * Bounds how much is held at once. A group of any size is admitted whole while
 * less than the limit is held; groups that wait are admitted in their order.
 */
export class CapacityLimiter {
  private heldCount = 0;
  private isOpen = true;
  private readonly waiters = new Set<Waiter>();
  private whenEmpty: (() => void)[] = [];

  constructor(private readonly limit: number) {}

  get held(): number {
    return this.heldCount;
  }

  get isClosed(): boolean {
    return !this.isOpen;
  }

  /** True where a group would not be admitted at once. */
  get isFull(): boolean {
    return (
      !this.isOpen || this.waiters.size > 0 || this.heldCount >= this.limit
    );
  }

  /** Admits a group, at once or within `timeoutMs`; false where that is not possible. A group of nothing needs no capacity. */
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

  /** Adds to what is held, whatever the limit. */
  add(size: number): void {
    this.heldCount += size;
  }

  release(size: number): void {
    this.heldCount -= size;
    for (const waiter of this.waiters) {
      if (this.heldCount >= this.limit) break;
      this.waiters.delete(waiter);
      this.heldCount += waiter.size;
      waiter.decide(true);
    }
    if (this.heldCount > 0 || this.whenEmpty.length === 0) return;
    for (const resolve of this.whenEmpty.splice(0)) resolve();
  }

  /** Resolves when nothing is held. */
  async empty(): Promise<void> {
    if (this.heldCount === 0) return;
    await new Promise<void>(resolve => this.whenEmpty.push(resolve));
  }

  /** Admits nothing more; waiters are turned away. */
  close(): void {
    this.isOpen = false;
    for (const waiter of this.waiters) waiter.decide(false);
    this.waiters.clear();
  }
}
