import { Inject, Injectable, Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { busNameOf } from '../events/bus-name-of.js';
import { XENIOO_EVENT_NAMES } from '../events/xenioo-event.table.js';
import { settledWithin } from '../settled-within.js';
import { delayAfter, resolveRetry } from '../xenioo-retry.js';
import {
  XeniooHandlerError,
  XeniooUnrecoverableError,
} from '../xenioo.errors.js';
import { XENIOO_SETTINGS, type XeniooSettings } from '../xenioo.options.js';
import { dueHandlers, type Due } from './due-handlers.js';
import {
  earliest,
  failuresOf,
  progressAfter,
  type Outcome,
} from './progress-after.js';
import { XeniooHandlerFailure } from './xenioo-handler.failure.js';
import { XeniooBus } from './xenioo.bus.js';
import {
  NOTHING_DONE,
  type XeniooAttempt,
  type XeniooDispatch,
} from './xenioo.dispatch.js';
import { XeniooExplorer } from './xenioo.explorer.js';
import type { Handled, XeniooHandler } from './xenioo.handler.js';
import { XeniooObservers } from './xenioo.observers.js';

/** Matches entries with handlers and runs them. Each instance of the module has its own. */
@Injectable()
export class XeniooDispatcher {
  private readonly logger = new Logger('Xenioo');

  constructor(
    @Inject(XENIOO_SETTINGS)
    private readonly settings: Pick<
      XeniooSettings,
      'handlerTimeoutMs' | 'retry'
    >,
    private readonly explorer: XeniooExplorer,
    private readonly bus: XeniooBus,
    private readonly observers: XeniooObservers,
  ) {}

  readonly dispatch: XeniooDispatch = async (entry, attempt = {}) => {
    const { progress: before = NOTHING_DONE, onHandled } = attempt;
    const outcomes = new Map<string, Outcome>();
    const all = dueHandlers(this.explorer.handlers, before, attempt);
    await Promise.all(
      all.map(async due => {
        const outcome = await this.attempt(due, entry, attempt);
        if (outcome.is !== 'unmatched') {
          this.observers.attempted(due, entry, outcome);
        }
        outcomes.set(due.name, outcome);
        const isAlone = outcomes.size === all.length;
        if (outcome.is === 'done' && !isAlone) note(due, onHandled);
      }),
    );
    if (!before.attempted) this.bus.emit(busNameOf(entry), entry);
    const progress = progressAfter(before, outcomes);
    const failures = failuresOf(outcomes);
    return {
      progress,
      retryAt: earliest(progress.failed),
      failures,
      announce: () => this.announce(failures),
    };
  };

  private async attempt(
    due: Due,
    entry: XeniooEntry,
    attempt: XeniooAttempt,
  ): Promise<Outcome> {
    const { name, handler } = due;
    try {
      if (!handler) {
        throw new XeniooHandlerError(
          `no handler is called ${name} any more. Was it renamed? Its option \`name\` keeps the old name`,
        );
      }
      if (!handler.matches(entry)) return { is: 'unmatched' };
      this.observers.attempting(due, entry);
      await this.inTime(handler, entry);
      return { is: 'done' };
    } catch (error) {
      return this.fail(due, entry, error, attempt);
    }
  }

  private async inTime(handler: XeniooHandler, value: Handled): Promise<void> {
    const { handlerTimeoutMs } = this.settings;
    const attempt = handler.handle(value);
    if (await settledWithin(attempt, handlerTimeoutMs)) return;
    this.logger.warn(
      `${handler.name} has not come to an end after ${handlerTimeoutMs} ms (\`handlerTimeoutMs\`): it counts as failed, and what it still does is not awaited.`,
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

  private async announce(
    failures: readonly XeniooHandlerFailure[],
  ): Promise<void> {
    for (const failure of failures) {
      this.bus.emit(XENIOO_EVENT_NAMES.Failed, failure);
    }
    const { handlers } = this.explorer;
    await Promise.all(
      failures.flatMap(failure =>
        handlers
          .filter(handler => handler.matches(failure))
          .map(handler => this.tell(handler, failure)),
      ),
    );
  }

  private async tell(
    handler: XeniooHandler,
    failure: XeniooHandlerFailure,
  ): Promise<void> {
    try {
      await this.inTime(handler, failure);
    } catch (error) {
      const { message, stack } = describeError(error);
      this.logger.error(
        `${handler.name} failed on the failure of ${failure.handler} on ${failure.event.id}: ${message}`,
        stack,
      );
    }
  }
}

/** An inbox that can't note it does so when the attempt has ended. */
function note({ name }: Due, onHandled: XeniooAttempt['onHandled']): void {
  try {
    onHandled?.(name);
  } catch {
    return;
  }
}
