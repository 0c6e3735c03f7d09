import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { settledWithin } from '../settled-within.js';
import { delayAfter, resolveRetry } from '../options/xenioo-retry.js';
import {
  XeniooHandlerError,
  XeniooUnrecoverableError,
} from '../xenioo.errors.js';
import type { XeniooSettings } from '../options/xenioo.options.js';
import type { Due } from './due-handlers.js';
import type { Outcome } from './progress-after.js';
import { XeniooHandlerFailure } from './xenioo-handler.failure.js';
import type { XeniooAttempt } from './xenioo.dispatch.js';
import type { XeniooObservers } from './xenioo.observers.js';

const DONE: Outcome = { is: 'done' };
const UNMATCHED: Outcome = { is: 'unmatched' };

/** What an attempt takes from the options of the instance. */
export type AttemptSettings = Pick<
  XeniooSettings,
  'handlerTimeoutMs' | 'retry'
>;

/** Runs one handler on one entry, and judges what came of it. */
export class HandlerAttempts {
  private readonly logger = new Logger('Xenioo');

  constructor(
    private readonly settings: AttemptSettings,
    private readonly observers: XeniooObservers,
  ) {}

  /** Lets a handler have its attempt. Never throws or rejects. */
  attempt(
    due: Due,
    entry: XeniooEntry,
    attempt: XeniooAttempt,
  ): Outcome | Promise<Outcome> {
    const { name, handler } = due;
    try {
      if (!handler) {
        throw new XeniooHandlerError(
          `no handler is called ${name} any more. Was it renamed? Its option \`name\` keeps the old name`,
        );
      }
      if (!handler.matches(entry)) return UNMATCHED;
      this.observers.attempting(due, entry);
      const running = handler.handle(entry);
      return running ? this.await(running, due, entry, attempt) : DONE;
    } catch (error) {
      return this.fail(due, entry, error, attempt);
    }
  }

  private async await(
    running: Promise<void>,
    due: Due,
    entry: XeniooEntry,
    attempt: XeniooAttempt,
  ): Promise<Outcome> {
    try {
      await this.inTime(running, due.name);
      return DONE;
    } catch (error) {
      return this.fail(due, entry, error, attempt);
    }
  }

  /** Waits for a handler that runs, but no longer than `handlerTimeoutMs`; then it throws. */
  async inTime(running: Promise<void>, name: string): Promise<void> {
    const { handlerTimeoutMs } = this.settings;
    if (await settledWithin(running, handlerTimeoutMs)) return;
    this.logger.warn(
      `${name} has not come to an end after ${handlerTimeoutMs} ms (\`handlerTimeoutMs\`): it counts as failed, and what it still does is not awaited.`,
    );
    throw new Error(`took longer than ${handlerTimeoutMs} ms`);
  }

  private fail(
    { name, handler, attempts: before }: Due,
    entry: XeniooEntry,
    error: unknown,
    { isLast = false }: XeniooAttempt,
  ): Outcome {
    const { message, stack } = describeError(error);
    if (entry instanceof InvalidXeniooEntry) {
      this.logger.error(
        `${name} failed on invalid entry ${entry.id}: ${message}`,
        stack,
      );
      return { is: 'given up', error };
    }
    const attempts = handler ? before + 1 : before;
    const retry = resolveRetry(handler?.retry, this.settings.retry);
    const delay = delayAfter(attempts, retry);
    const isHopeless = !handler || error instanceof XeniooUnrecoverableError;
    const failed = `${name} failed on ${entry.typeName} ${entry.id}`;
    if (isLast || isHopeless || delay === undefined) {
      const why = isLast && delay !== undefined ? ', the application ends' : '';
      this.logger.error(
        `${failed} and gives up (attempt ${attempts}${why}), see XeniooDeadLetters: ${message}`,
        stack,
      );
      const failure = new XeniooHandlerFailure(entry, name, error, attempts);
      return { is: 'given up', failure, error };
    }
    this.logger.warn(
      `${failed} (attempt ${attempts} of ${retry && retry.attempts}, the next in ${delay} ms): ${message}`,
      stack,
    );
    const retryAt = Date.now() + delay;
    return { is: 'to be retried', attempts, retryAt, error };
  }
}
