/** One for all ids that are added together. */
export interface Moment {
  readonly atMs: number;
}

/** Remembers ids for so long, and no more than so many: past that, it forgets the oldest. */
export class RecentIds {
  private readonly moments = new Map<string, Moment>();
  /** Where the ids were added, and when; written over from the start once there are `max`. */
  private readonly ids: string[] = [];
  private readonly addedAt: Moment[] = [];
  private next = 0;

  constructor(
    readonly max: number,
    private readonly ttlMs: number,
  ) {}

  now(): Moment {
    return { atMs: performance.now() };
  }

  has(id: string, now = this.now()): boolean {
    const moment = this.moments.get(id);
    return moment !== undefined && now.atMs - moment.atMs < this.ttlMs;
  }

  /** Adds an id that it does not have. */
  add(id: string, now = this.now()): void {
    const { next } = this;
    const oldest = this.ids[next];
    // If that was added again since, when its time had passed, it stays.
    if (
      oldest !== undefined &&
      this.moments.get(oldest) === this.addedAt[next]
    ) {
      this.moments.delete(oldest);
    }
    this.moments.set(id, now);
    this.ids[next] = id;
    this.addedAt[next] = now;
    this.next = (next + 1) % this.max;
  }
}
