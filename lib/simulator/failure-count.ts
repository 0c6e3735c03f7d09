import type { XeniooAnswer } from './post.js';

/** Number of failed calls after which one more stops Xenioo, according to its documentation. */
const TOLERATED_FAILURES = 10;

/**
 * Failed calls that count towards the limit: all of them, or those in a row. The
 * documentation of Xenioo does not say which. With `ignore` the sender never stops.
 */
export type XeniooFailureCounting = 'total' | 'consecutive' | 'ignore';

/** Counts failed calls until Xenioo would stop. */
export class FailureCount {
  private count = 0;
  private reason: string | undefined;

  constructor(private readonly counting: XeniooFailureCounting) {}

  get failures(): number {
    return this.count;
  }

  /** Number of further calls that may fail. */
  get left(): number {
    return Math.max(0, TOLERATED_FAILURES - this.count);
  }

  /** Reason why Xenioo would stop; absent until then. */
  get stopped(): string | undefined {
    return this.reason;
  }

  add({ failure }: Pick<XeniooAnswer, 'failure'>): void {
    if (failure === undefined) {
      // After the stop, answers to the calls under way change nothing.
      const resets = this.counting === 'consecutive' && !this.reason;
      if (resets) this.count = 0;
      return;
    }
    this.count++;
    if (this.counting === 'ignore' || this.count <= TOLERATED_FAILURES) return;
    const counted = this.counting === 'total' ? 'in total' : 'in a row';
    this.reason ??= `${this.count} calls failed ${counted}, the last one ${failure}; after more than ${TOLERATED_FAILURES} Xenioo stops calling until the bot is saved and published again`;
  }

  reset(): void {
    this.count = 0;
    this.reason = undefined;
  }
}
