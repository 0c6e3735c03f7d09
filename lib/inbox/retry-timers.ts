import { LONGEST_TIMER_MS } from '../options/range-problems.js';

/** Runs things when their time has come. */
export class RetryTimers {
  private readonly waiting = new Map<() => void, NodeJS.Timeout>();

  /** Runs it at a time, in milliseconds since 1970, not before. */
  add(at: number, run: () => void): void {
    // A timer may fire a millisecond early.
    const delay = Math.min(Math.max(0, at - Date.now()) + 1, LONGEST_TIMER_MS);
    const timer = setTimeout(() => {
      this.waiting.delete(run);
      run();
    }, delay);
    this.waiting.set(run, timer);
  }

  /** Runs at once what waits. */
  runAll(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const [run, timer] of waiting) {
      clearTimeout(timer);
      run();
    }
  }
}
