import { LONGEST_TIMER_MS } from '../options/range-problems.js';

/** Pace of the calls. */
export interface Pace<T> {
  /** Upper bound of the calls pending at once. */
  readonly concurrency: number;
  /**
   * Start of a call in milliseconds after the first one; a late call starts at once.
   * @default every call starts at once
   */
  readonly startAfterMs?: (call: T, index: number) => number;
  /** No call starts once it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes calls in order and at a pace, until none is left or `make` resolves to `false`. */
export class PacedRunner<T> {
  private pendingCalls = 0;
  private isStopped = false;
  private isReading = false;
  private failure: { readonly error: unknown } | undefined;
  private wake = () => {};

  /** @param make resolves to `false` when no further call may start */
  constructor(
    private readonly calls: AsyncGenerator<T, undefined>,
    private readonly make: (call: T) => Promise<boolean>,
    private readonly pace: Pace<T>,
  ) {}

  /** Resolves when every call has ended; rejects with the first error of `calls` or `make` once the pending calls have ended. */
  async run(): Promise<void> {
    const { signal } = this.pace;
    const stop = () => this.stop();
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop);
    await this.startAll();
    await this.closeCalls();
    while (this.pendingCalls > 0) await this.woken();
    signal?.removeEventListener('abort', stop);
    if (this.failure) throw this.failure.error;
  }

  private async startAll(): Promise<void> {
    const { concurrency, startAfterMs = () => 0 } = this.pace;
    let firstAt: number | undefined;
    for (let index = 0; !this.isStopped; index++) {
      while (!this.isStopped && this.pendingCalls >= concurrency) {
        await this.woken();
      }
      // Read before it is due, so that the run ends right after the last call.
      const next = await this.read();
      if (!next || next.done) return;
      firstAt ??= performance.now();
      await this.waitUntil(firstAt + startAfterMs(next.value, index));
      if (!this.isStopped) this.start(next.value);
    }
  }

  /** Resolves to undefined when the run is stopped, even if `calls` has not yielded yet. */
  private async read(): Promise<IteratorResult<T, undefined> | undefined> {
    if (this.isStopped) return undefined;
    let next: IteratorResult<T, undefined> | undefined;
    this.isReading = true;
    this.calls
      .next()
      .then(
        read => (next = read),
        error => this.fail(error),
      )
      .finally(() => {
        this.isReading = false;
        this.wake();
      });
    while (this.isReading && !this.isStopped) await this.woken();
    return next;
  }

  private start(call: T): void {
    this.pendingCalls++;
    this.make(call)
      .then(
        mayContinue => mayContinue || this.stop(),
        error => this.fail(error),
      )
      .finally(() => {
        this.pendingCalls--;
        this.wake();
      });
  }

  /** Waits until a time; may resolve up to a millisecond early. A late timer does not delay the later calls. */
  private async waitUntil(time: number): Promise<void> {
    while (!this.isStopped) {
      const ms = time - performance.now();
      if (ms < 1) return;
      const timer = setTimeout(
        () => this.wake(),
        Math.min(ms, LONGEST_TIMER_MS),
      );
      await this.woken();
      clearTimeout(timer);
    }
  }

  private async closeCalls(): Promise<void> {
    const closed = this.calls
      .return(undefined)
      .catch((error: unknown) => this.fail(error));
    // While `calls` is being read, it may never close.
    if (!this.isReading) await closed;
  }

  private woken(): Promise<void> {
    return new Promise(resolve => (this.wake = resolve));
  }

  private fail(error: unknown): void {
    this.failure ??= { error };
    this.stop();
  }

  private stop(): void {
    this.isStopped = true;
    this.wake();
  }
}
