import { Injectable, Logger } from '@nestjs/common';
import { channel, type Channel } from 'node:diagnostics_channel';
import { isPromise } from 'node:util/types';
import { describeError } from '../describe-error.js';
import { kindOf } from '../options/describe-value.js';
import type { XeniooEvent } from '../events/xenioo.events.js';
import type {
  XeniooCarrier,
  XeniooDelivery,
} from '../events/xenioo-delivery.js';
import type { XeniooDeadLetter } from './xenioo-dead-letter.js';
import type { XeniooHandlerResult } from './xenioo-task.js';

/** One execution of one handler on one event. */
export interface XeniooHandlerRun {
  /** Name of the handler, such as `'Crm.saveMessage'`. */
  readonly handler: string;
  readonly event: XeniooEvent;
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  /** Strings that the observers' `carrier()` returned for the call. */
  readonly carrier?: XeniooCarrier | undefined;
}

/** An authenticated call answered other than 200: `xenioo.strike` on the event emitter. */
export interface XeniooStrike {
  /** Number of strikes since the last reset, including this one. */
  readonly strikes: number;
  /** HTTP status of the answer. */
  readonly status: number;
  /** Your name for the bot. */
  readonly bot: string;
  /** Cause and remedy; contains no secret, body or name of a person. */
  readonly reason: string;
  readonly at: Date;
}

/** A call answered 401. */
export interface XeniooRefusal {
  /** Fault of its `Authorization` header. */
  readonly reason:
    'missing' | 'another-scheme' | 'unknown-secret' | 'white-space';
  /** Address of the caller, as the socket has it. */
  readonly address: string | undefined;
}

/** Calls have stopped or resumed, as `expectCallsWithinMinutes` defines it: `xenioo.silence` on the event emitter. */
export interface XeniooSilence {
  /** True when calls have stopped, false when they resume. */
  readonly isSilent: boolean;
  /** URL of the webhook, as the boot log has it. */
  readonly url: string;
  /** Time of the last authenticated call, or of the start of the application, before the silence. */
  readonly since: Date;
  readonly at: Date;
}

/** Events dropped because their ids were accepted before. */
export interface XeniooDuplicates {
  /** Your name for the bot. */
  readonly bot: string;
  readonly count: number;
}

/**
 * Observes the module. Every method is optional. An error that one throws is logged
 * and never affects a delivery.
 */
export interface XeniooObserver {
  /** A call was answered 200. */
  deliveryAccepted?(delivery: XeniooDelivery): void;
  /** A call was answered 401. */
  callRefused?(refusal: XeniooRefusal): void;
  /** An authenticated call was answered other than 200. */
  strike?(strike: XeniooStrike): void;
  /** Calls have stopped or resumed. */
  silence?(silence: XeniooSilence): void;
  /** Duplicates of one delivery were dropped. */
  duplicatesDropped?(duplicates: XeniooDuplicates): void;
  /** A handler run has started. */
  handlerStarted?(run: XeniooHandlerRun): void;
  /** A handler run has finished. */
  handlerFinished?(run: XeniooHandlerRun, result: XeniooHandlerResult): void;
  /** A dead letter was stored. */
  deadLetterAdded?(letter: XeniooDeadLetter): void;
  /** A dead letter was replayed: its tasks are stored. */
  replayed?(letter: XeniooDeadLetter): void;
  /** Returns strings to store with each task of a call, such as a `traceparent`. */
  carrier?(delivery: XeniooDelivery): XeniooCarrier | undefined;
  /** Wraps the execution of a handler; must return what `next()` returns. */
  runHandler?(
    run: XeniooHandlerRun,
    next: () => Promise<unknown>,
  ): Promise<unknown>;
}

type Moment = Exclude<keyof XeniooObserver, 'carrier' | 'runHandler'>;

/** Diagnostics channels that publish the same moments. */
const CHANNELS: { readonly [M in Moment]?: Channel } = {
  strike: channel('xenioo.strike'),
  silence: channel('xenioo.silence'),
  callRefused: channel('xenioo.refused'),
  duplicatesDropped: channel('xenioo.duplicate'),
  deadLetterAdded: channel('xenioo.dead-letter'),
};

/** Observers of every instance of the module in the application. Injectable. */
@Injectable()
export class XeniooObservers {
  private readonly logger = new Logger('Xenioo');
  private observers: readonly XeniooObserver[] = [];

  /**
   * True without observers, so that callers can skip creating values for them.
   * @internal
   */
  isEmpty = true;

  /**
   * Adds an observer.
   * @returns a function that removes it
   */
  add(observer: XeniooObserver): () => void {
    if (typeof observer !== 'object' || observer === null) {
      throw new TypeError(
        `expected an observer to be an object, got ${kindOf(observer)}`,
      );
    }
    this.set([...this.observers, observer]);
    return () => this.set(this.observers.filter(other => other !== observer));
  }

  /**
   * Calls a method of every observer that has it.
   * @internal
   */
  notify<M extends Moment>(
    moment: M,
    ...values: Parameters<NonNullable<XeniooObserver[M]>>
  ): void {
    CHANNELS[moment]?.publish(values[0]);
    for (const observer of this.observers) {
      try {
        const method = observer[moment] as
          ((...given: typeof values) => unknown) | undefined;
        const returned = method?.apply(observer, values);
        // An async method is assignable to `() => void`.
        if (isPromise(returned)) {
          returned.catch(error => this.logFailure(moment, error));
        }
      } catch (error) {
        this.logFailure(moment, error);
      }
    }
  }

  /**
   * Merges the strings of the observers for a call.
   * @internal
   */
  carrierOf(delivery: XeniooDelivery): XeniooCarrier | undefined {
    let carrier: XeniooCarrier | undefined;
    for (const observer of this.observers) {
      try {
        const added: unknown = observer.carrier?.(delivery);
        if (added === undefined) continue;
        assertCarrier(added);
        carrier = { ...carrier, ...added };
      } catch (error) {
        this.logFailure('carrier', error);
      }
    }
    return carrier;
  }

  /**
   * Runs a handler inside the `runHandler()` of every observer. The handler runs
   * exactly once, and its own result is returned, even if an observer throws.
   * @internal
   */
  runHandler(
    run: XeniooHandlerRun,
    execute: () => Promise<unknown>,
  ): Promise<unknown> {
    let executed: Promise<unknown> | undefined;
    let resolve!: (result: Promise<unknown>) => void;
    // Resolves with the handler, because the promise of an observer may never settle.
    const result = new Promise<unknown>(resolved => (resolve = resolved));
    let next = (): Promise<unknown> => {
      if (!executed) resolve((executed = execute()));
      return executed;
    };
    for (const observer of this.observers.toReversed()) {
      const inner = next;
      if (observer.runHandler) {
        next = () => this.wrap(observer, run, inner);
      }
    }
    next().catch(() => {});
    return result;
  }

  /** Runs `runHandler()` of one observer and logs its errors; settles like the handler. */
  private async wrap(
    observer: XeniooObserver,
    run: XeniooHandlerRun,
    next: () => Promise<unknown>,
  ): Promise<unknown> {
    let wrapped: Promise<unknown> | undefined;
    const nextOnce = (): Promise<unknown> => {
      if (wrapped) return wrapped;
      wrapped = next();
      // Prevents an unhandled rejection if the observer does not wait for the handler.
      wrapped.catch(() => {});
      return wrapped;
    };
    try {
      await observer.runHandler!(run, nextOnce);
    } catch (error) {
      const isOfHandler = wrapped && (await isRejectedWith(wrapped, error));
      if (!isOfHandler) this.logFailure('runHandler', error);
    }
    return wrapped ?? next();
  }

  /**
   * Returns the name of the class: observers need not be JSON.
   * @internal
   */
  toJSON(): string {
    return this.constructor.name;
  }

  private set(observers: readonly XeniooObserver[]): void {
    this.observers = observers;
    this.isEmpty = observers.length === 0;
  }

  private logFailure(method: string, error: unknown): void {
    const { message, stack } = describeError(error);
    this.logger.error(
      `\`${method}()\` of an observer failed; the delivery is not affected: ${message}`,
      stack,
    );
  }
}

async function isRejectedWith(
  promise: Promise<unknown>,
  error: unknown,
): Promise<boolean> {
  try {
    await promise;
    return false;
  } catch (reason) {
    return reason === error;
  }
}

/** Checks that a carrier is an object of strings, which every inbox can store. */
function assertCarrier(carrier: unknown): asserts carrier is XeniooCarrier {
  if (isPromise(carrier)) {
    carrier.catch(() => {});
    throw new TypeError('expected an object of strings, got a promise');
  }
  const isCarrier =
    typeof carrier === 'object' &&
    carrier !== null &&
    !Array.isArray(carrier) &&
    Object.values(carrier).every(value => typeof value === 'string');
  if (!isCarrier) throw new TypeError('expected an object of strings');
}
