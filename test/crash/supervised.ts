import { setTimeout as sleep } from 'node:timers/promises';

/** How long something may stay away that was killed, in milliseconds. */
const DOWN_MS = 1_000;

/** Starts what was killed again, as a supervisor would. */
export class Supervised<T extends { kill(): Promise<void> }> {
  /** What runs now, if it does. */
  running: T | undefined;
  private starting: Promise<void>;

  constructor(
    private readonly start: () => Promise<T>,
    private readonly random: () => number,
  ) {
    this.starting = this.startAfter(0);
  }

  /** Resolves when it runs. */
  async whenUp(): Promise<void> {
    await this.starting;
  }

  /** Kills it as soon as it runs; it is started again after a while, which nobody has to wait for. */
  async kill(): Promise<void> {
    await this.starting;
    await this.end();
    this.starting = this.startAfter(this.random() * DOWN_MS);
  }

  /** Kills it for good. */
  async end(): Promise<void> {
    await this.starting.catch(() => {});
    const { running } = this;
    // From now on nobody is sent there.
    this.running = undefined;
    await running?.kill();
  }

  private startAfter(delayMs: number): Promise<void> {
    const starting = sleep(delayMs).then(async () => {
      this.running = await this.start();
    });
    // Told to whoever waits for it next.
    starting.catch(() => {});
    return starting;
  }
}
