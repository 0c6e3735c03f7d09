import { Inject, Injectable, Logger } from '@nestjs/common';
import { tracingChannel } from 'node:diagnostics_channel';
import { describeError } from '../describe-error.js';
import type { XeniooEvent } from '../events/xenioo.events.js';
import {
  isInvalidEntry,
  eventNameOf,
  XENIOO_EVENT_NAMES,
} from '../events/xenioo-event.table.js';
import {
  XENIOO_SETTINGS,
  type XeniooSettings,
} from '../options/xenioo.options.js';
import { plural } from '../plural.js';
import { HandlerAttempt, HandlerResults, TaskRun } from './handler-attempt.js';
import {
  Deadlines,
  HandlerExecution,
  restOf,
  StartContext,
} from './handler-execution.js';
import type { XeniooDeadLetter } from './xenioo-dead-letter.js';
import { XeniooHandlerFailure } from './xenioo-handler.failure.js';
import type {
  XeniooHandlerResult,
  XeniooRunOptions,
  XeniooTask,
} from './xenioo-task.js';
import type { XeniooTimeLimit, XeniooTransact } from './xenioo-transaction.js';
import { XeniooEmitter } from './xenioo.emitter.js';
import { XeniooExplorer } from './xenioo.explorer.js';
import type {
  HandlerArgument,
  HandlerCall,
  XeniooHandler,
} from './xenioo.handler.js';
import {
  XeniooObservers,
  type XeniooDuplicates,
  type XeniooHandlerRun,
} from './xenioo.observers.js';

const tracing = tracingChannel<unknown, XeniooHandlerRun>('xenioo.handler');

/** Runs handlers for the inbox of one instance of the module. */
@Injectable()
export class XeniooDispatcher {
  private readonly logger = new Logger('Xenioo');
  private readonly deadlines: Deadlines;
  private readonly results: HandlerResults;
  private readonly handlersByType = new Map<string, readonly XeniooHandler[]>();
  private duplicates = 0;
  private runningAnnouncements = 0;
  /** Announcements that wait because `concurrency` of them are running. */
  private readonly waitingAnnouncements: (() => void)[] = [];

  constructor(
    @Inject(XENIOO_SETTINGS)
    private readonly settings: Pick<
      XeniooSettings,
      'concurrency' | 'handlerTimeoutMs' | 'retry'
    >,
    private readonly explorer: XeniooExplorer,
    private readonly emitter: XeniooEmitter,
    private readonly observers: XeniooObservers,
    private readonly context: StartContext,
  ) {
    this.deadlines = new Deadlines(settings.handlerTimeoutMs);
    this.results = new HandlerResults(settings.retry);
  }

  /**
   * Runs the handlers of a task concurrently: every matching one in a first run,
   * after which the event is emitted, otherwise the one that the task names.
   * Never rejects.
   */
  run(
    task: XeniooTask,
    options: XeniooRunOptions = {},
  ): Promise<readonly XeniooHandlerResult[]> {
    const { entry: event, handler: name } = task;
    if (isInvalidEntry(event)) return Promise.resolve([]);
    return new Promise(resolve => {
      if (name === undefined) {
        const run = new TaskRun(task, event, options, results => {
          this.emitter.emit(eventNameOf(event), event);
          resolve(results);
        });
        const { done } = options;
        const handlers = this.handlersOf(event);
        this.start(
          done?.length
            ? handlers.filter(handler => !done.includes(handler.name))
            : handlers,
          run,
        );
        return;
      }
      const handler = this.explorer.handlerNamed(name);
      if (!handler) {
        resolve([this.results.ofMissing(task, name, options.isLast ?? false)]);
      } else {
        this.start([handler], new TaskRun(task, event, options, resolve));
      }
    });
  }

  /**
   * Runs the `@OnXeniooFailed()` or `@OnXeniooInvalid()` handlers for a stored dead
   * letter, and emits the event for it. Never rejects.
   */
  async announce(
    letter: XeniooDeadLetter,
    error: unknown = letter.error,
  ): Promise<void> {
    this.observers.notify('deadLetterAdded', letter);
    const { entry, handler, attempts = 0 } = letter;
    if (isInvalidEntry(entry)) {
      this.emitter.emit(XENIOO_EVENT_NAMES.Invalid, entry);
      await this.runDeadLetterHandlers(
        'invalid',
        entry,
        `invalid entry ${entry.id}`,
      );
      return;
    }
    const failure = new XeniooHandlerFailure(entry, handler, error, attempts);
    this.emitter.emit(XENIOO_EVENT_NAMES.Failed, failure);
    await this.runDeadLetterHandlers(
      'failed',
      failure,
      `dead letter ${letter.id}`,
    );
  }

  reportDuplicates(duplicates: XeniooDuplicates): void {
    this.duplicates += duplicates.count;
    this.logger.debug(
      `Dropped ${plural(duplicates.count, 'duplicate')} of bot ${duplicates.bot} (\`dedupe\`); ${this.duplicates} since the application started.`,
    );
    this.observers.notify('duplicatesDropped', duplicates);
  }

  private handlersOf({
    type,
    typeName,
  }: XeniooEvent): readonly XeniooHandler[] {
    let handlers = this.handlersByType.get(typeName);
    if (!handlers) {
      handlers = this.explorer.handlersOf(type);
      this.handlersByType.set(typeName, handlers);
    }
    return handlers;
  }

  private start(handlers: readonly XeniooHandler[], run: TaskRun): void {
    for (const handler of handlers) this.startIfMatching(handler, run);
    run.markAllStarted();
  }

  private startIfMatching(handler: XeniooHandler, run: TaskRun): void {
    const { event } = run;
    const { transact } = run.options;
    let call =
      transact && handler.isTransactional
        ? transactionalCall(handler, transact, () => attempt.limit)
        : handler.call;
    try {
      if (!this.matches(handler, event)) return;
    } catch (error) {
      // A `when` that throws fails the handler.
      call = () => Promise.reject(error);
    }
    const observedRun = this.observe(handler, run);
    if (observedRun) call = this.observedCall(observedRun, call);
    const attempt = new HandlerAttempt(
      run,
      handler,
      observedRun,
      this.results,
      this.observers,
      this.deadlines,
    );
    attempt.start(this.context, call, event);
  }

  private matches(handler: XeniooHandler, event: XeniooEvent): boolean {
    return handler.hasCondition
      ? Boolean(this.context.run(each => handler.matches(each), event))
      : handler.matches(event);
  }

  /** Notifies observers of a handler run and returns it; returns `undefined` without observers. */
  private observe(
    { name: handler }: XeniooHandler,
    { task: { attempts, carrier }, event }: TaskRun,
  ): XeniooHandlerRun | undefined {
    if (this.observers.isEmpty && !tracing.hasSubscribers) return undefined;
    const run = { handler, event, attempt: attempts + 1, carrier };
    this.observers.notify('handlerStarted', run);
    return run;
  }

  private observedCall(
    run: XeniooHandlerRun,
    call: XeniooHandler['call'],
  ): XeniooHandler['call'] {
    const observed = (event: HandlerArgument) =>
      this.observers.runHandler(run, async () => call(event));
    return tracing.hasSubscribers
      ? event => tracing.tracePromise(() => observed(event), run)
      : observed;
  }

  private async runDeadLetterHandlers(
    kind: 'invalid' | 'failed',
    value: HandlerArgument,
    subject: string,
  ): Promise<void> {
    await Promise.all(
      this.explorer.subscribersTo(kind).map(async handler => {
        await this.acquireAnnouncementSlot();
        const announcement = new Announcement(this.deadlines, error => {
          const { message, stack } = describeError(error);
          this.logger.error(
            `${handler.name} failed on ${subject}: ${message}`,
            stack,
          );
        });
        announcement.start(this.context, handler.call, value);
        await announcement.finished;
        const next = this.waitingAnnouncements.shift();
        if (next) next();
        else this.runningAnnouncements--;
      }),
    );
  }

  /** Resolves when an announcement may start. */
  private async acquireAnnouncementSlot(): Promise<void> {
    if (this.runningAnnouncements < this.settings.concurrency)
      this.runningAnnouncements++;
    else
      await new Promise<void>(resolve =>
        this.waitingAnnouncements.push(resolve),
      );
  }
}

/** Returns a function that runs a handler in a transaction; if the handler returns an Observable, until it completes. */
function transactionalCall(
  { name, call }: XeniooHandler,
  transact: XeniooTransact,
  limit: () => XeniooTimeLimit,
): HandlerCall {
  return event =>
    transact(
      name,
      async tx => {
        await restOf(await call(event, tx));
      },
      limit(),
    );
}

/** One execution of an `@OnXeniooInvalid()` or `@OnXeniooFailed()` handler. Its errors are logged and not retried. */
class Announcement extends HandlerExecution {
  readonly finished: Promise<void>;
  private resolve!: () => void;

  constructor(
    deadlines: Deadlines,
    private readonly logFailure: (error: unknown) => void,
  ) {
    super(deadlines);
    this.finished = new Promise(resolve => (this.resolve = resolve));
  }

  override onDone(): void {
    this.resolve();
  }

  override onError(error: unknown): void {
    this.logFailure(error);
    this.resolve();
  }
}
