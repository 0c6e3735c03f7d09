/** How calls follow each other. */
export interface Pace {
  /** Most calls under way at once. */
  readonly concurrency: number;
  /** From the begin of a call to the begin of the next one; late ones follow at once. */
  readonly intervalMs: number;
  /** No call begins once it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes calls in their order, each in its turn, until there are no more or one says that none is to follow. */
export class Turns<T> {
  private underWay = 0;
  private isOver = false;
  private isAsking = false;
  private failure: { readonly error: unknown } | undefined;
  private wake = () => {};

  /** @param make resolves to whether others are to follow */
  constructor(
    private readonly calls: AsyncGenerator<T, undefined>,
    private readonly make: (call: T) => Promise<boolean>,
    private readonly pace: Pace,
  ) {}

  /** Resolves when all is made; rejects with what was thrown, when the calls under way are over. */
  async take(): Promise<void> {
    const { signal } = this.pace;
    const end = () => this.end();
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end);
    await this.beginAll();
    await this.close();
    while (this.underWay > 0) await this.woken();
    signal?.removeEventListener('abort', end);
    if (this.failure) throw this.failure.error;
  }

  private async beginAll(): Promise<void> {
    const { concurrency, intervalMs } = this.pace;
    const startedAt = performance.now();
    for (let turn = 0; !this.isOver; turn++) {
      while (!this.isOver && this.underWay >= concurrency) await this.woken();
      // Asked for before its turn: after the last one there is nothing to wait for.
      const next = await this.next();
      if (!next || next.done) return;
      await this.waitUntil(startedAt + turn * intervalMs);
      if (!this.isOver) this.begin(next.value);
    }
  }

  /** Nothing where it is over, though a list that is slow may still be asked. */
  private async next(): Promise<IteratorResult<T, undefined> | undefined> {
    if (this.isOver) return undefined;
    let next: IteratorResult<T, undefined> | undefined;
    this.isAsking = true;
    this.calls
      .next()
      .then(
        given => (next = given),
        error => this.fail(error),
      )
      .finally(() => {
        this.isAsking = false;
        this.wake();
      });
    while (this.isAsking && !this.isOver) await this.woken();
    return next;
  }

  private begin(call: T): void {
    this.underWay++;
    this.make(call)
      .then(
        goesOn => goesOn || this.end(),
        error => this.fail(error),
      )
      .finally(() => {
        this.underWay--;
        this.wake();
      });
  }

  /** Timers are late by up to a millisecond, which the next turns make up for. */
  private async waitUntil(time: number): Promise<void> {
    while (!this.isOver) {
      const ms = time - performance.now();
      if (ms < 1) return;
      const timer = setTimeout(() => this.wake(), ms);
      await this.woken();
      clearTimeout(timer);
    }
  }

  private async close(): Promise<void> {
    const closed = this.calls
      .return(undefined)
      .catch((error: unknown) => this.fail(error));
    // A list that is asked closes when it answers, which may be never.
    if (!this.isAsking) await closed;
  }

  private woken(): Promise<void> {
    return new Promise(resolve => (this.wake = resolve));
  }

  private fail(error: unknown): void {
    this.failure ??= { error };
    this.end();
  }

  private end(): void {
    this.isOver = true;
    this.wake();
  }
}
