import { settledWithin } from '../settled-within.js';

/** The first attempts of the entries of one call: its answer waits for them. */
export class FirstAttempts {
  private whenEnded: (() => void) | undefined;

  constructor(private left: number) {}

  /** An entry has had its own. */
  end(): void {
    if (--this.left === 0) this.whenEnded?.();
  }

  get haveEnded(): boolean {
    return this.left === 0;
  }

  /** Waits until all have ended, but no longer than `timeoutMs`. */
  async endedWithin(timeoutMs: number): Promise<void> {
    if (this.haveEnded) return;
    const ended = new Promise<void>(resolve => (this.whenEnded = resolve));
    await settledWithin(ended, timeoutMs);
  }
}
