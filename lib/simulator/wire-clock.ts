import type { SeededRandom } from './seeded-random.js';

const TICKS_A_MS = 10_000;
/** Longest time people take to write. */
const LONGEST_PAUSE_MS = 20_000;

/** Makes dates as Xenioo writes them, with seven fraction digits, each later than the one before. */
export class WireClock {
  private ms = 0;
  private ticks = 0;

  /**
   * @param startAt time of a clock of its own; the default is the clock of this machine
   */
  constructor(
    private readonly random: SeededRandom,
    private readonly startAt?: Date,
  ) {
    if (startAt) this.ms = startAt.getTime();
  }

  /** Returns a date a moment after the last one, often within the same millisecond. */
  soon(): string {
    return this.after(1 + this.random.below(TICKS_A_MS / 2));
  }

  /** Returns a date some seconds after the last one, as people take to write. */
  later(): string {
    if (!this.startAt) return this.soon();
    const ms = 1 + this.random.below(LONGEST_PAUSE_MS);
    return this.after(ms * TICKS_A_MS + this.random.below(TICKS_A_MS));
  }

  private after(ticks: number): string {
    const total = this.ticks + ticks;
    this.ms += Math.floor(total / TICKS_A_MS);
    this.ticks = total % TICKS_A_MS;
    const now = Date.now();
    if (!this.startAt && now > this.ms) {
      this.ms = now;
      this.ticks = this.random.below(TICKS_A_MS / 2);
    }
    const date = new Date(this.ms).toISOString().slice(0, -1);
    return `${date}${String(this.ticks).padStart(4, '0')}+00:00`;
  }
}
