import type { XeniooAnswer } from './post.js';

/** "If your Webhook fails … for more than 10 times Xenioo will stop any further call." */
const FAILURES_FORGIVEN = 10;

/**
 * What Xenioo counts, which its documentation leaves open: failed calls in all,
 * or in a row; `ignore` never stops.
 */
export type XeniooFailureReading = 'total' | 'consecutive' | 'ignore';

/** Counts failed calls, and tells when Xenioo would stop. */
export class FailureCount {
  private count = 0;
  private reason: string | undefined;

  constructor(private readonly reading: XeniooFailureReading) {}

  get failures(): number {
    return this.count;
  }

  /** How many more calls may fail. */
  get left(): number {
    return Math.max(0, FAILURES_FORGIVEN - this.count);
  }

  /** Why no call follows; absent as long as calls go on. */
  get stopped(): string | undefined {
    return this.reason;
  }

  add({ failure }: Pick<XeniooAnswer, 'failure'>): void {
    if (failure === undefined) {
      // Once it has stopped, what comes of the calls under way changes nothing.
      const isForgiven = this.reading === 'consecutive' && !this.reason;
      if (isForgiven) this.count = 0;
      return;
    }
    this.count++;
    if (this.reading === 'ignore' || this.count <= FAILURES_FORGIVEN) return;
    const counted = this.reading === 'total' ? 'in all' : 'in a row';
    this.reason ??= `${this.count} calls failed ${counted}, the last one ${failure}: past ${FAILURES_FORGIVEN} Xenioo stops calling, for good, until the bot is saved and published again`;
  }

  reset(): void {
    this.count = 0;
    this.reason = undefined;
  }
}
