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
import type { XeniooTransact } from './xenioo-transaction.js';
import { XeniooEmitter } from './xenioo.emitter.js';
import { XeniooExplorer } from './xenioo.explorer.js';
import type { Handled, HandlerCall, XeniooHandler } from './xenioo.handler.js';
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
  private announcing = 0;
  /** Announcements that wait until fewer than `concurrency` of them run. */
  private readonly waiting: (() => void)[] = [];

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
      await this.announceTo('invalid', entry, `invalid entry ${entry.id}`);
      return;
    }
    const failure = new XeniooHandlerFailure(entry, handler, error, attempts);
    this.emitter.emit(XENIOO_EVENT_NAMES.Failed, failure);
    await this.announceTo('failed', failure, `dead letter ${letter.id}`);
  }

  reportDuplicates(duplicates: XeniooDuplicates): void {
    this.duplicates += duplicates.count;
    this.logger.debug(
      `Dropped ${duplicates.count} events of bot ${duplicates.bot} that were accepted before (\`dedupe\`); ${this.duplicates} since the start.`,
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
    run.close();
  }

  private startIfMatching(handler: XeniooHandler, run: TaskRun): void {
    const { event } = run;
    const { transact } = run.options;
    const abort =
      transact && handler.isTransactional ? new AbortController() : undefined;
    let call =
      transact && abort
        ? transactionalCall(handler, transact, abort.signal)
        : handler.call;
    try {
      if (!this.matches(handler, event)) return;
    } catch (error) {
      // A `when` that throws fails the handler.
      call = () => Promise.reject(error);
    }
    const observed = this.observe(handler, run);
    if (observed) call = this.observedCall(observed, call);
    new HandlerAttempt(
      run,
      handler,
      observed,
      this.results,
      this.observers,
      this.deadlines,
      abort,
    ).start(this.context, call, event);
  }

  private matches(handler: XeniooHandler, event: XeniooEvent): boolean {
    return handler.hasCondition
      ? Boolean(this.context.run(each => handler.matches(each), event))
      : handler.matches(event);
  }

  /** Describes the run for observers; returns nothing where nobody observes. */
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
    const observed = (event: Handled) =>
      this.observers.runHandler(run, async () => call(event));
    return tracing.hasSubscribers
      ? event => tracing.tracePromise(() => observed(event), run)
      : observed;
  }

  private async announceTo(
    kind: 'invalid' | 'failed',
    value: Handled,
    subject: string,
  ): Promise<void> {
    await Promise.all(
      this.explorer.subscribersTo(kind).map(async handler => {
        await this.announcementPlace();
        const announcement = new Announcement(this.deadlines, error => {
          const { message, stack } = describeError(error);
          this.logger.error(
            `${handler.name} failed on ${subject}: ${message}`,
            stack,
          );
        });
        announcement.start(this.context, handler.call, value);
        await announcement.ended;
        const next = this.waiting.shift();
        if (next) next();
        else this.announcing--;
      }),
    );
  }

  /** Resolves when an announcement may start; one that ends passes its place on. */
  private async announcementPlace(): Promise<void> {
    if (this.announcing < this.settings.concurrency) this.announcing++;
    else await new Promise<void>(resolve => this.waiting.push(resolve));
  }
}

/** Returns what runs a handler in a transaction, to the last value of an Observable. */
function transactionalCall(
  { name, call }: XeniooHandler,
  transact: XeniooTransact,
  signal: AbortSignal,
): HandlerCall {
  return event =>
    transact(
      name,
      async tx => {
        await restOf(await call(event, tx));
      },
      signal,
    );
}

/** The execution of a handler that hears of a dead letter: its errors are logged, and that is all. */
class Announcement extends HandlerExecution {
  readonly ended: Promise<void>;
  private resolve!: () => void;

  constructor(
    deadlines: Deadlines,
    private readonly logFailure: (error: unknown) => void,
  ) {
    super(deadlines);
    this.ended = new Promise(resolve => (this.resolve = resolve));
  }

  override onDone(): void {
    this.resolve();
  }

  override onError(error: unknown): void {
    this.logFailure(error);
    this.resolve();
  }
}
