import { Injectable } from '@nestjs/common';
import { AsyncResource } from 'node:async_hooks';
import { isObservable, lastValueFrom } from 'rxjs';

const MANUAL_DESTROY = { requireManualDestroy: true };

/**
 * The async context in which the application was started. Handlers and listeners
 * run in it, and never in that of a webhook call, whose `AsyncLocalStorage` stores
 * belong to another request by the time a retry or a queued event runs.
 */
@Injectable()
export class StartContext {
  // `AsyncLocalStorage.snapshot()` does the same, and takes six times as long.
  private readonly start = new AsyncResource('XENIOO_START', MANUAL_DESTROY);

  /** Runs work in an async resource of its own, so that an `enterWith()` in it is not seen elsewhere. */
  run<V>(work: (value: V) => unknown, value: V): unknown {
    return this.start.runInAsyncScope(
      runInOwnResource<V>,
      undefined,
      work,
      value,
    );
  }
}

function runInOwnResource<V>(work: (value: V) => unknown, value: V): unknown {
  const resource = new AsyncResource('XENIOO', MANUAL_DESTROY);
  return resource.runInAsyncScope(work, undefined, value);
}

/** Work that may take too long. */
export interface TimedWork {
  /** Called once, when the work takes longer than the time-out. */
  onLate(): void;
  startedAt: number;
  /** Position in the list of running work; -1 when it is not in it. */
  position: number;
}

/**
 * Watches running work with one time-out that all of it shares, and one timer: a
 * timer for each handler run costs more than the rest of the run.
 */
export class Deadlines {
  private readonly running: TimedWork[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(readonly timeoutMs: number) {}

  add(work: TimedWork): void {
    work.startedAt = performance.now();
    work.position = this.running.push(work) - 1;
    this.timer ??= setTimeout(this.check, this.timeoutMs).unref();
  }

  /** Returns false where the work is late, and `onLate()` was called. */
  remove(work: TimedWork): boolean {
    const { position } = work;
    if (position < 0) return false;
    work.position = -1;
    const last = this.running.pop()!;
    if (last !== work) {
      this.running[position] = last;
      last.position = position;
    }
    return true;
  }

  private readonly check = (): void => {
    const latestStart = performance.now() - this.timeoutMs;
    let oldest = Infinity;
    this.timer = undefined;
    for (const work of this.running.slice()) {
      if (work.startedAt > latestStart) {
        oldest = Math.min(oldest, work.startedAt);
      } else if (this.remove(work)) work.onLate();
    }
    if (oldest === Infinity) return;
    // Late work may have started other work, and with it the timer.
    clearTimeout(this.timer);
    const delay = Math.ceil(oldest - latestStart);
    this.timer = setTimeout(this.check, delay).unref();
  };
}

/**
 * One execution of a handler: ends when what the handler returned has settled, an
 * Observable with its last value, or when it takes too long. The callbacks are
 * attached to the handler's own promise: each promise in between costs as much
 * as the rest of the run.
 */
export abstract class HandlerExecution implements TimedWork {
  startedAt = 0;
  position = -1;

  constructor(private readonly deadlines: Deadlines) {}

  /** Exactly one of `onDone()` and `onError()` is called, once. */
  protected abstract onDone(): void;
  protected abstract onError(error: unknown): void;

  /** Calls the handler in a context of its own. */
  start<V>(context: StartContext, call: (value: V) => unknown, value: V): void {
    this.deadlines.add(this);
    try {
      this.follow(Promise.resolve(context.run(call, value)));
    } catch (error) {
      this.fail(error);
    }
  }

  onLate(): void {
    this.onError(
      new Error(
        `it took longer than ${this.deadlines.timeoutMs} ms (\`handlerTimeoutMs\`) and is no longer awaited`,
      ),
    );
  }

  private follow(running: Promise<unknown>): void {
    running.then(
      value => this.settle(value),
      (error: unknown) => this.fail(error),
    );
  }

  private settle(value: unknown): void {
    let rest: Promise<unknown> | undefined;
    try {
      rest = restOf(value);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (rest) this.follow(rest);
    else if (this.deadlines.remove(this)) this.onDone();
  }

  private fail(error: unknown): void {
    if (this.deadlines.remove(this)) this.onError(error);
  }
}

/**
 * Returns the last value of an Observable, and nothing of another value.
 * @throws what reading a property of the value throws, such as that of a proxy
 */
export function restOf(value: unknown): Promise<unknown> | undefined {
  return isObservable(value)
    ? lastValueFrom(value, { defaultValue: undefined })
    : undefined;
}
