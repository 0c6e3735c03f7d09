import { Inject, Injectable, Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { XENIOO_EVENT_NAMES } from '../events/xenioo-event.table.js';
import { XENIOO_SETTINGS } from '../options/xenioo.options.js';
import { dueHandlers, type Due } from './due-handlers.js';
import { HandlerAttempts, type AttemptSettings } from './handler.attempts.js';
import {
  earliest,
  failuresOf,
  progressAfter,
  type Ended,
  type Outcome,
} from './progress-after.js';
import type { XeniooHandlerFailure } from './xenioo-handler.failure.js';
import { XeniooBus } from './xenioo.bus.js';
import {
  NOTHING_DONE,
  type XeniooAttempt,
  type XeniooDispatch,
  type XeniooProgress,
  type XeniooSettlement,
} from './xenioo.dispatch.js';
import { XeniooExplorer } from './xenioo.explorer.js';
import type { XeniooHandler } from './xenioo.handler.js';
import { XeniooObservers } from './xenioo.observers.js';

const FIRST: XeniooAttempt = {};

const nothingToTell = () => Promise.resolve();

/** An attempt that goes on. */
interface Pending {
  readonly due: Due;
  readonly outcome: Promise<Outcome>;
}

/** Matches entries with handlers and runs them. Each instance of the module has its own. */
@Injectable()
export class XeniooDispatcher {
  private readonly logger = new Logger('Xenioo');
  private readonly attempts: HandlerAttempts;
  private readonly ofOne = new Map<string, XeniooSettlement>();

  constructor(
    @Inject(XENIOO_SETTINGS) settings: AttemptSettings,
    private readonly explorer: XeniooExplorer,
    private readonly bus: XeniooBus,
    private readonly observers: XeniooObservers,
  ) {
    this.attempts = new HandlerAttempts(settings, observers);
  }

  readonly dispatch: XeniooDispatch = (entry, attempt = FIRST) => {
    const { progress = NOTHING_DONE } = attempt;
    const ended: Ended[] = [];
    let pending: Pending[] | undefined;
    for (const due of dueHandlers(this.explorer.handlers, progress, attempt)) {
      const outcome = this.attempts.attempt(due, entry, attempt);
      if (outcome instanceof Promise) (pending ??= []).push({ due, outcome });
      // At a first attempt there is nothing to take back.
      else if (outcome.is !== 'unmatched' || progress.attempted) {
        this.end(due, entry, outcome, ended);
      }
    }
    return pending
      ? this.settleLater(entry, attempt, pending, ended)
      : this.settle(entry, progress, ended);
  };

  private async settleLater(
    entry: XeniooEntry,
    { progress = NOTHING_DONE, onHandled }: XeniooAttempt,
    pending: readonly Pending[],
    ended: Ended[],
  ): Promise<XeniooSettlement> {
    for (const [name, { is }] of ended) {
      if (is === 'done') note(name, onHandled);
    }
    let left = pending.length;
    await Promise.all(
      pending.map(async ({ due, outcome }) => {
        const told = await outcome;
        this.end(due, entry, told, ended);
        if (--left > 0 && told.is === 'done') note(due.name, onHandled);
      }),
    );
    return this.settle(entry, progress, ended);
  }

  private settle(
    entry: XeniooEntry,
    before: XeniooProgress,
    ended: readonly Ended[],
  ): XeniooSettlement {
    if (!before.attempted) this.bus.emitEntry(entry);
    const isOne = before === NOTHING_DONE && ended.length === 1;
    return isOne && ended[0]![1].is === 'done'
      ? this.doneAlone(ended[0]![0])
      : this.settlementOf(progressAfter(before, ended), failuresOf(ended));
  }

  /** What nearly every entry comes to: made once a handler. */
  private doneAlone(handler: string): XeniooSettlement {
    let settlement = this.ofOne.get(handler);
    if (!settlement) {
      const progress = { attempted: true, done: [handler], failed: [] };
      settlement = this.settlementOf(progress, []);
      this.ofOne.set(handler, settlement);
    }
    return settlement;
  }

  private settlementOf(
    progress: XeniooProgress,
    failures: readonly XeniooHandlerFailure[],
  ): XeniooSettlement {
    return {
      progress,
      retryAt: earliest(progress.failed),
      failures,
      announce:
        failures.length > 0 ? () => this.announce(failures) : nothingToTell,
    };
  }

  private end(
    due: Due,
    entry: XeniooEntry,
    outcome: Outcome,
    ended: Ended[],
  ): void {
    ended.push([due.name, outcome]);
    if (outcome.is === 'unmatched') return;
    this.observers.attempted(due, entry, outcome);
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
      const running = handler.handle(failure);
      if (running) await this.attempts.inTime(running, handler.name);
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
function note(name: string, onHandled: XeniooAttempt['onHandled']): void {
  try {
    onHandled?.(name);
  } catch {
    return;
  }
}
