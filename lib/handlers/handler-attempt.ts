import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooEvent } from '../events/xenioo.events.js';
import { delayBeforeNextMs, resolveRetry } from '../options/xenioo-retry.js';
import type { XeniooSettings } from '../options/xenioo.options.js';
import {
  XeniooHandlerError,
  XeniooUnrecoverableError,
} from '../xenioo.errors.js';
import { HandlerExecution, type Deadlines } from './handler-execution.js';
import type {
  XeniooHandlerResult,
  XeniooRunOptions,
  XeniooTask,
} from './xenioo-task.js';
import type { XeniooHandler } from './xenioo.handler.js';
import type { XeniooTimeLimit } from './xenioo-transaction.js';
import type { XeniooHandlerRun, XeniooObservers } from './xenioo.observers.js';

/** One run of a task. Collects the results of its handlers, and finishes with the last one. */
export class TaskRun {
  private readonly results: XeniooHandlerResult[] = [];
  private running = 0;
  private hasStartedAll = false;

  constructor(
    readonly task: XeniooTask,
    readonly event: XeniooEvent,
    readonly options: XeniooRunOptions,
    private readonly onFinished: (
      results: readonly XeniooHandlerResult[],
    ) => void,
  ) {}

  /** Counts a handler that has started. */
  begin(): void {
    this.running++;
  }

  add(result: XeniooHandlerResult): void {
    this.results.push(result);
    this.running--;
    this.finishIfDone();
  }

  /** Marks that every matching handler has started, so that the run can finish. */
  markAllStarted(): void {
    this.hasStartedAll = true;
    this.finishIfDone();
  }

  private finishIfDone(): void {
    if (this.hasStartedAll && this.running === 0) this.onFinished(this.results);
  }
}

/** One attempt of one handler in a run of a task. */
export class HandlerAttempt extends HandlerExecution {
  private readonly abort: AbortController | undefined;

  constructor(
    private readonly run: TaskRun,
    private readonly handler: XeniooHandler,
    /** Absent without observers. */
    private readonly observedRun: XeniooHandlerRun | undefined,
    private readonly handlerResults: HandlerResults,
    private readonly observers: XeniooObservers,
    deadlines: Deadlines,
  ) {
    super(deadlines);
    if (handler.isTransactional) this.abort = new AbortController();
    run.begin();
  }

  /** Returns the time limit of a transactional handler. */
  get limit(): XeniooTimeLimit {
    return {
      signal: this.abort!.signal,
      pause: () => this.deadlines.pause(this),
      restart: () => this.deadlines.restart(this),
    };
  }

  override onLate(): void {
    this.abort?.abort();
    super.onLate();
  }

  override onDone(): void {
    this.conclude(this.handlerResults.ofSuccess(this.handler, this.run.task));
  }

  override onError(error: unknown): void {
    const { task, event, options } = this.run;
    const { isLast = false } = options;
    this.conclude(
      this.handlerResults.ofError(this.handler, task, event, error, isLast),
    );
  }

  private conclude(result: XeniooHandlerResult): void {
    if (this.observedRun) {
      this.observers.notify('handlerFinished', this.observedRun, result);
    }
    this.run.add(result);
  }
}

/** Time for which a task whose handler does not exist is retried, for rolling deploys where another process has the handler. */
const HANDLER_MISSING_FOR_MS = 600_000;
const LOOK_FOR_HANDLER_EVERY_MS = 10_000;

/** Decides between `done`, `retry` and `failed` after an attempt, and logs failures. */
export class HandlerResults {
  private readonly logger = new Logger('Xenioo');

  constructor(private readonly retry: XeniooSettings['retry']) {}

  ofSuccess(
    { name: handler, doneOnFirstAttempt }: XeniooHandler,
    { attempts }: XeniooTask,
  ): XeniooHandlerResult {
    return attempts === 0
      ? doneOnFirstAttempt
      : { handler, status: 'done', attempts: attempts + 1 };
  }

  /** @param isLast true if no retry can follow because the application shuts down */
  ofError(
    { name: handler, retry: own }: XeniooHandler,
    task: XeniooTask,
    event: XeniooEvent,
    error: unknown,
    isLast: boolean,
  ): XeniooHandlerResult {
    const attempts = task.attempts + 1;
    const retry = resolveRetry(own, this.retry);
    const delay = isUnrecoverable(error)
      ? undefined
      : delayBeforeNextMs(attempts, retry);
    const { message, stack } = describeError(error);
    const failed = `${handler} failed on ${event.typeName} ${event.id}`;
    if (delay === undefined || isLast) {
      const reason = delay === undefined ? '' : ': the application shuts down';
      this.logger.error(
        `${failed} (attempt ${attempts}; no more attempts${reason}), see XeniooDeadLetters: ${message}`,
        stack,
      );
      return { handler, status: 'failed', attempts, error };
    }
    const line = `${failed} (attempt ${attempts} of ${retry && retry.attempts}, the next in ${delay} ms): ${message}`;
    // `warn()` takes no stack: a second argument would be logged as a second message.
    this.logger.warn(attempts === 1 && stack ? `${line}\n${stack}` : line);
    const retryAt = Date.now() + delay;
    return { handler, status: 'retry', attempts, retryAt, error };
  }

  /** Retries a task whose handler does not exist here for a limited time: another process may have it. */
  ofMissing(
    { attempts, entry, missingSince = Date.now() }: XeniooTask,
    handler: string,
    isLast: boolean,
  ): XeniooHandlerResult {
    const error = new XeniooHandlerError(
      `no handler is named ${handler}. If it was renamed, set the option \`name\` of its decorator to the old name`,
    );
    const isOver = Date.now() - missingSince >= HANDLER_MISSING_FOR_MS;
    if (isLast || isOver) {
      this.logger.error(
        `Event ${entry.id} can't be retried, see XeniooDeadLetters: ${error.message}.`,
      );
      return { handler, status: 'failed', attempts, error };
    }
    const retryAt = Date.now() + LOOK_FOR_HANDLER_EVERY_MS;
    return { handler, status: 'retry', attempts, retryAt, error, missingSince };
  }
}

/** Never throws, though `instanceof` throws for a revoked proxy. */
function isUnrecoverable(error: unknown): boolean {
  try {
    return error instanceof XeniooUnrecoverableError;
  } catch {
    return false;
  }
}
