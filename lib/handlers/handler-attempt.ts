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
import type { XeniooHandlerResult, XeniooTask } from './xenioo-task.js';
import type { XeniooHandler } from './xenioo.handler.js';
import type { XeniooHandlerRun, XeniooObservers } from './xenioo.observers.js';

/** One run of a task: collects the results of its handlers, and ends with the last of them. */
export class TaskRun {
  private readonly results: XeniooHandlerResult[] = [];
  private running = 0;
  private hasStartedAll = false;

  constructor(
    readonly task: XeniooTask,
    readonly event: XeniooEvent,
    readonly isLast: boolean,
    private readonly onEnd: (results: readonly XeniooHandlerResult[]) => void,
  ) {}

  /** Counts a handler that has started. */
  begin(): void {
    this.running++;
  }

  add(result: XeniooHandlerResult): void {
    this.results.push(result);
    this.running--;
    this.endIfDone();
  }

  /** Every handler that matches has started. */
  close(): void {
    this.hasStartedAll = true;
    this.endIfDone();
  }

  private endIfDone(): void {
    if (this.hasStartedAll && this.running === 0) this.onEnd(this.results);
  }
}

/** One attempt of one handler in a run. */
export class HandlerAttempt extends HandlerExecution {
  constructor(
    private readonly run: TaskRun,
    private readonly handler: XeniooHandler,
    /** Absent where nobody observes. */
    private readonly observed: XeniooHandlerRun | undefined,
    private readonly handlerResults: HandlerResults,
    private readonly observers: XeniooObservers,
    deadlines: Deadlines,
  ) {
    super(deadlines);
    run.begin();
  }

  override onDone(): void {
    this.conclude(this.handlerResults.ofSuccess(this.handler, this.run.task));
  }

  override onError(error: unknown): void {
    const { task, event, isLast } = this.run;
    this.conclude(
      this.handlerResults.ofError(this.handler, task, event, error, isLast),
    );
  }

  private conclude(result: XeniooHandlerResult): void {
    if (this.observed) {
      this.observers.notify('handlerFinished', this.observed, result);
    }
    this.run.add(result);
  }
}

/** Time that a task waits for a handler that this process does not have, as during a rolling deploy. */
const HANDLER_MISSING_FOR_MS = 600_000;
const LOOK_FOR_HANDLER_EVERY_MS = 10_000;

/** Decides what follows an attempt, and logs failures. */
export class HandlerResults {
  private readonly logger = new Logger('Xenioo');

  constructor(private readonly retry: XeniooSettings['retry']) {}

  ofSuccess(
    { name: handler, doneAtOnce }: XeniooHandler,
    { attempts }: XeniooTask,
  ): XeniooHandlerResult {
    return attempts === 0
      ? doneAtOnce
      : { handler, status: 'done', attempts: attempts + 1 };
  }

  /** @param isLast true while the application shuts down and no retry can follow */
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
    // A second argument would be a second line: only `error()` takes a stack.
    this.logger.warn(attempts === 1 && stack ? `${line}\n${stack}` : line);
    const retryAt = Date.now() + delay;
    return { handler, status: 'retry', attempts, retryAt, error };
  }

  /** Puts a task back whose handler may exist in another process, for a limited time. */
  ofMissing(
    { attempts, entry, missingSince = Date.now() }: XeniooTask,
    handler: string,
    isLast: boolean,
  ): XeniooHandlerResult {
    const error = new XeniooHandlerError(
      `no handler is called ${handler} any more. Was it renamed? Its option \`name\` keeps the old name`,
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

/** Never throws: a revoked proxy, which a handler may throw, fails on `instanceof`. */
function isUnrecoverable(error: unknown): boolean {
  try {
    return error instanceof XeniooUnrecoverableError;
  } catch {
    return false;
  }
}
