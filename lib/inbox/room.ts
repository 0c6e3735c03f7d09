import { settledWithin } from '../settled-within.js';

interface Guest {
  readonly size: number;
  readonly decide: (isIn: boolean) => void;
}

/**
 * Room for so many. A group of any size enters whole while fewer are in it;
 * groups that have to wait enter in the order in which they came.
 */
export class Room {
  private inside = 0;
  private isOpen = true;
  private readonly queue = new Set<Guest>();
  private whenEmpty: (() => void)[] = [];

  constructor(private readonly size: number) {}

  /** How many are in it. */
  get taken(): number {
    return this.inside;
  }

  get isClosed(): boolean {
    return !this.isOpen;
  }

  /** Whether a group can enter at once. */
  get isFree(): boolean {
    return this.isOpen && this.queue.size === 0 && this.inside < this.size;
  }

  /** Waits for room, but no longer than `timeoutMs`; tells whether the group is in. */
  async enter(size: number, timeoutMs: number): Promise<boolean> {
    if (!this.isOpen) return false;
    if (size === 0) return true;
    if (this.isFree) {
      this.inside += size;
      return true;
    }
    let decide!: Guest['decide'];
    const decision = new Promise<boolean>(resolve => (decide = resolve));
    const guest = { size, decide };
    this.queue.add(guest);
    await settledWithin(decision, timeoutMs);
    if (this.queue.delete(guest)) decide(false);
    return decision;
  }

  /** Lets in who comes, whether there is room or not. */
  add(size: number): void {
    this.inside += size;
  }

  /** One goes. */
  leave(): void {
    this.inside--;
    if (this.queue.size > 0) this.admit();
    if (this.inside > 0 || this.whenEmpty.length === 0) return;
    for (const resolve of this.whenEmpty.splice(0)) resolve();
  }

  private admit(): void {
    for (const guest of this.queue) {
      if (this.inside >= this.size) break;
      this.queue.delete(guest);
      this.inside += guest.size;
      guest.decide(true);
    }
  }

  /** Resolves when nobody is in it. */
  async empty(): Promise<void> {
    if (this.inside === 0) return;
    await new Promise<void>(resolve => this.whenEmpty.push(resolve));
  }

  /** Lets nobody in any more; who waits is turned away. */
  close(): void {
    this.isOpen = false;
    for (const guest of this.queue) guest.decide(false);
    this.queue.clear();
  }
}
