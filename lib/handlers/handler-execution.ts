import { Injectable } from '@nestjs/common';
import { AsyncResource } from 'node:async_hooks';
import { isObservable, lastValueFrom } from 'rxjs';

const MANUAL_DESTROY = { requireManualDestroy: true };

/**
 * Async context in which the application was started. Handlers and listeners run in
 * it instead of that of a webhook call, because the `AsyncLocalStorage` stores of one
 * call must not be visible to events of another call, or to retries.
 */
@Injectable()
export class StartContext {
  // Calling `AsyncLocalStorage.snapshot()` instead takes six times as long.
  private readonly start = new AsyncResource('XENIOO_START', MANUAL_DESTROY);

  /** Runs work in a new async resource, so that an `enterWith()` in it does not affect other work. */
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

/** Work with a time limit. */
export interface TimedWork {
  /** Called once if the work exceeds the time limit. */
  onLate(): void;
  startedAt: number;
  /** Position in the list of running work; -1 when it is not in it. */
  position: number;
}

/**
 * Applies one time limit to all running work, with one timer: a timer for each
 * handler run would cost more than the rest of the run.
 */
export class Deadlines {
  private readonly running: TimedWork[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(readonly timeoutMs: number) {}

  add(work: TimedWork): void {
    work.position = this.running.push(work) - 1;
    this.restart(work);
  }

  /** Stops the time limit of work until `restart()`. */
  pause(work: TimedWork): void {
    work.startedAt = Infinity;
  }

  /** Begins the time limit of work anew. */
  restart(work: TimedWork): void {
    work.startedAt = performance.now();
    this.timer ??= setTimeout(this.check, this.timeoutMs).unref();
  }

  /** Returns false if the work has exceeded the time limit and `onLate()` was called. */
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
    // `onLate()` may have started other work, and the timer with it.
    clearTimeout(this.timer);
    const delay = Math.ceil(oldest - latestStart);
    this.timer = setTimeout(this.check, delay).unref();
  };
}

/**
 * One execution of a handler. It ends when the promise that the handler returned
 * settles, when its Observable completes, or at the time limit. The callbacks are
 * attached to the handler's own promise, because each promise in between would cost
 * as much as the rest of the run.
 */
export abstract class HandlerExecution implements TimedWork {
  startedAt = 0;
  position = -1;

  constructor(protected readonly deadlines: Deadlines) {}

  /** Exactly one of `onDone()` and `onError()` is called, once. */
  protected abstract onDone(): void;
  protected abstract onError(error: unknown): void;

  /** Calls the handler in a new async resource of the start context. */
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
        `the handler timed out after ${this.deadlines.timeoutMs} ms (\`handlerTimeoutMs\`) and may still be running`,
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
 * Returns a promise of the last value of an Observable; `undefined` for any other value.
 * @throws any error that reading a property of the value throws, as for a revoked proxy
 */
export function restOf(value: unknown): Promise<unknown> | undefined {
  return isObservable(value)
    ? lastValueFrom(value, { defaultValue: undefined })
    : undefined;
}
