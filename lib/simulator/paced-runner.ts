import { LONGEST_TIMER_MS } from '../options/range-problems.js';

/** Pace at which calls follow each other. */
export interface Pace<T> {
  /** Upper bound of calls under way at once. */
  readonly concurrency: number;
  /**
   * Start of a call in milliseconds after the first one; a late call starts at once.
   * @default every call starts at once
   */
  readonly startAfterMs?: (call: T, index: number) => number;
  /** No call starts once it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes calls in their order and at their pace, until none is left or one asks to stop. */
export class PacedRunner<T> {
  private underWay = 0;
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

  /** Resolves when every call has ended; rejects with the first error of the list or of `make`, once the calls under way have ended. */
  async run(): Promise<void> {
    const { signal } = this.pace;
    const stop = () => this.stop();
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop);
    await this.startAll();
    await this.closeList();
    while (this.underWay > 0) await this.woken();
    signal?.removeEventListener('abort', stop);
    if (this.failure) throw this.failure.error;
  }

  private async startAll(): Promise<void> {
    const { concurrency, startAfterMs = () => 0 } = this.pace;
    let firstAt: number | undefined;
    for (let index = 0; !this.isStopped; index++) {
      while (!this.isStopped && this.underWay >= concurrency) {
        await this.woken();
      }
      // Read before it is due: nothing has to be waited for after the last call.
      const next = await this.read();
      if (!next || next.done) return;
      firstAt ??= performance.now();
      await this.waitUntil(firstAt + startAfterMs(next.value, index));
      if (!this.isStopped) this.start(next.value);
    }
  }

  /** Returns nothing when the run is stopped, even while the list has not answered. */
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
    this.underWay++;
    this.make(call)
      .then(
        goesOn => goesOn || this.stop(),
        error => this.fail(error),
      )
      .finally(() => {
        this.underWay--;
        this.wake();
      });
  }

  /** Timers are late by up to a millisecond, which later calls make up for. */
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

  private async closeList(): Promise<void> {
    const closed = this.calls
      .return(undefined)
      .catch((error: unknown) => this.fail(error));
    // A list that is being read closes when it answers, which may be never.
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
