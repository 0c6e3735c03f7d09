/** What can wait too long. */
interface Waiting {
  readonly isWaiting: boolean;
  timeOut(): void;
}

/**
 * Tells calls that they have waited too long. Hardly any waits longer than the
 * turn of the event loop that it came in, so that a timer is not set before; and
 * then one for all.
 */
export class CallWatch {
  private fresh: Waiting[] = [];
  private readonly deadlines = new Map<Waiting, number>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly timeoutMs: number) {}

  /** From now on it waits. */
  begin(call: Waiting): void {
    if (this.fresh.push(call) > 1) return;
    setImmediate(() => this.endTurn());
  }

  /** It waits no more. */
  end(call: Waiting): void {
    this.deadlines.delete(call);
  }

  private endTurn(): void {
    const deadline = performance.now() + this.timeoutMs;
    for (const call of this.fresh) {
      if (call.isWaiting) this.deadlines.set(call, deadline);
    }
    this.fresh = [];
    if (!this.timer && this.deadlines.size > 0) this.wait(this.timeoutMs);
  }

  private wait(ms: number): void {
    this.timer = setTimeout(() => this.look(), ms).unref();
  }

  private look(): void {
    this.timer = undefined;
    const now = performance.now();
    for (const [call, deadline] of this.deadlines) {
      // They stand in the order in which they came.
      if (deadline > now) return this.wait(Math.ceil(deadline - now));
      this.deadlines.delete(call);
      call.timeOut();
    }
  }
}
