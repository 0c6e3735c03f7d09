import { setTimeout as sleep } from 'node:timers/promises';

/** Upper bound of the downtime after a kill. */
const MAX_DOWNTIME_MS = 1_000;

/** Supervisor that restarts a killed process. */
export class Supervised<T extends { kill(): Promise<void> }> {
  /** Running process, if any. */
  running: T | undefined;
  private starting: Promise<void>;

  constructor(
    private readonly start: () => Promise<T>,
    private readonly random: () => number,
  ) {
    this.starting = this.startAfter(0);
  }

  /** Resolves when the process runs. */
  async whenUp(): Promise<void> {
    await this.starting;
  }

  /** Kills the process once it runs. It is restarted after a while in the background. */
  async kill(): Promise<void> {
    await this.starting;
    await this.stop();
    this.starting = this.startAfter(this.random() * MAX_DOWNTIME_MS);
  }

  /** Kills the process without a restart. */
  async stop(): Promise<void> {
    await this.starting.catch(() => {});
    const { running } = this;
    // Callers must not get its URL any more.
    this.running = undefined;
    await running?.kill();
  }

  private startAfter(delayMs: number): Promise<void> {
    const starting = sleep(delayMs).then(async () => {
      this.running = await this.start();
    });
    // The error is thrown to the next waiter.
    starting.catch(() => {});
    return starting;
  }
}
