/** Remembers ids for so long, and no more than so many: past that, it forgets the oldest. */
export class RecentIds {
  /** Where each id stands in the ring. */
  private readonly places = new Map<string, number>();
  /** Written over from its start once there are `max`. */
  private readonly ring: (string | undefined)[] = [];
  /** When what stands in the ring was added. */
  private readonly addedAt: number[] = [];
  private next = 0;

  constructor(
    readonly max: number,
    private readonly ttlMs: number,
  ) {}

  has(id: string, now = performance.now()): boolean {
    const place = this.places.get(id);
    return place !== undefined && now - this.addedAt[place]! < this.ttlMs;
  }

  /** Adds an id that it does not have, or no longer. */
  add(id: string, now = performance.now()): void {
    const { next } = this;
    const oldest = this.ring[next];
    if (oldest !== undefined) this.places.delete(oldest);
    const former = this.places.get(id);
    if (former !== undefined) this.ring[former] = undefined;
    this.places.set(id, next);
    this.ring[next] = id;
    this.addedAt[next] = now;
    this.next = (next + 1) % this.max;
  }
}
