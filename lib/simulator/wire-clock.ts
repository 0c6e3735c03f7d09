import type { SeededRandom } from './seeded-random.js';

/** The seventh fraction digit of a date counts ticks of 100 ns. */
const TICKS_PER_MS = 10_000;

/** Upper bound in milliseconds of the pause before a user's message. */
const MAX_PAUSE_MS = 20_000;

/** Creates increasing dates in the format of Xenioo, with seven fraction digits. */
export class WireClock {
  private ms = 0;
  private ticks = 0;

  /**
   * @param startAt start of a simulated clock; by default the clock of the machine is used
   */
  constructor(
    private readonly random: SeededRandom,
    private readonly startAt?: Date,
  ) {
    if (startAt) this.ms = startAt.getTime();
  }

  /** Returns a date less than a millisecond after the last one. */
  soon(): string {
    return this.after(1 + this.random.below(TICKS_PER_MS / 2));
  }

  /** Returns a date some seconds after the last one, as between messages of a user. */
  later(): string {
    if (!this.startAt) return this.soon();
    const ms = 1 + this.random.below(MAX_PAUSE_MS);
    return this.after(ms * TICKS_PER_MS + this.random.below(TICKS_PER_MS));
  }

  private after(ticks: number): string {
    const total = this.ticks + ticks;
    this.ms += Math.floor(total / TICKS_PER_MS);
    this.ticks = total % TICKS_PER_MS;
    const now = Date.now();
    if (!this.startAt && now > this.ms) {
      this.ms = now;
      this.ticks = this.random.below(TICKS_PER_MS / 2);
    }
    const date = new Date(this.ms).toISOString().slice(0, -1);
    return `${date}${String(this.ticks).padStart(4, '0')}+00:00`;
  }
}
