import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import { isPromise } from 'node:util/types';
import type { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import { eventRow } from '../events/xenioo-event.table.js';
import type { XeniooEvent } from '../events/xenioo.events.js';
import type { XeniooRetryOptions } from '../options/xenioo-retry.js';
import {
  createEnhancer,
  hasEnhancers,
  type InstanceWrapper,
} from './nest-internals.js';
import type { EventSubscription, Subscription } from './subscription.js';
import type { XeniooHandlerResult } from './xenioo-task.js';
import type { XeniooTransaction } from './xenioo-transaction.js';
import type { XeniooHandlerFailure } from './xenioo-handler.failure.js';

/** Argument of a decorated method. */
export type HandlerArgument =
  XeniooEvent | InvalidXeniooEntry | XeniooHandlerFailure;

/** Calls a method of the host; a transactional one gets the transaction as well. */
export type HandlerCall = (
  value: HandlerArgument,
  tx?: XeniooTransaction,
) => unknown;

/** One decorated method of the application. */
export class XeniooHandler {
  /** True if `matches()` calls an option `when`. */
  readonly hasCondition: boolean;

  /** Result of a successful first attempt, created once because it is by far the most frequent. */
  readonly doneOnFirstAttempt: XeniooHandlerResult;

  constructor(
    /** `Class.method`, or the `name` option. */
    readonly name: string,
    private readonly subscriptions: readonly Subscription[],
    /** Calls the method on its instance, or on a new one for a request-scoped class. */
    readonly call: HandlerCall,
  ) {
    this.hasCondition = subscriptions.some(
      each => each.to === 'events' && each.when !== undefined,
    );
    this.doneOnFirstAttempt = { handler: name, status: 'done', attempts: 1 };
  }

  /** True if one of its decorators is transactional. */
  get isTransactional(): boolean {
    return this.subscriptions.some(
      each => each.to === 'events' && each.transactional === true,
    );
  }

  /** Option `retry` of the decorators. */
  get retry(): XeniooRetryOptions | false | undefined {
    for (const { to, ...given } of this.subscriptions) {
      if (to === 'events' && 'retry' in given) return given.retry;
    }
    return undefined;
  }

  /** Returns true if a subscription includes a type, regardless of its other options. */
  handlesType(type: number): boolean {
    return this.subscriptions.some(
      subscription =>
        subscription.to === 'events' && (subscription.types?.has(type) ?? true),
    );
  }

  /** Names of bots in the option `bot` of the decorators. */
  get bots(): string[] {
    return this.subscriptions.flatMap(each =>
      each.to === 'events' ? [...(each.bots ?? [])] : [],
    );
  }

  subscribesTo(kind: Subscription['to']): boolean {
    return this.subscriptions.some(({ to }) => to === kind);
  }

  /**
   * Returns true if an event matches one of the subscriptions.
   * @throws any error that an option `when` throws
   */
  matches(event: XeniooEvent): boolean {
    for (const subscription of this.subscriptions) {
      if (
        subscription.to === 'events' &&
        matchesSubscription(subscription, event)
      )
        return true;
    }
    return false;
  }

  /** Describes the subscriptions for the boot log. */
  describe(): string {
    return this.subscriptions.map(describeSubscription).join(' and ');
  }
}

function matchesSubscription(
  { types, bots, channels, when }: EventSubscription,
  event: XeniooEvent,
): boolean {
  return (
    (types?.has(event.type) ?? true) &&
    (bots?.has(event.bot) ?? true) &&
    (channels?.has(event.channel ?? '') ?? true) &&
    (when === undefined || isTruthy(when(event)))
  );
}

/** Rejects promises: a promise is truthy, and would let every event through. */
function isTruthy(answer: unknown): boolean {
  if (!isPromise(answer)) return Boolean(answer);
  answer.catch(() => {});
  throw new TypeError('expected `when` to return a boolean, got a promise');
}

function describeSubscription(subscription: Subscription): string {
  if (subscription.to !== 'events') {
    return subscription.to === 'invalid'
      ? 'invalid entries'
      : 'failures of handlers';
  }
  const { types, bots, channels, when } = subscription;
  const names = types && [...types].map(type => eventRow(type).typeName);
  return [
    names?.join(', ') ?? 'every event',
    ...(bots ? [`of bot ${[...bots].join(', ')}`] : []),
    ...(channels ? [`on ${[...channels].join(', ')}`] : []),
    ...(when ? ['on a condition'] : []),
  ].join(' ');
}

type Methods = Record<string, HandlerCall>;

/** Returns a function that calls a method on its instance, or on a new instance for each call if the class is request-scoped or transient. */
export function createCall(
  wrapper: InstanceWrapper,
  method: string,
): HandlerCall {
  const isStatic = wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
  const enhance = hasEnhancers(wrapper, method)
    ? createEnhancer(wrapper, method)
    : undefined;
  if (isStatic) {
    const instance = wrapper.instance as Methods;
    return (
      enhance?.(instance) ??
      ((value, tx) => callMethod(instance, method, value, tx))
    );
  }
  const moduleRef =
    wrapper.host!.getProviderByKey<ModuleRef>(ModuleRef).instance;
  return async (value, tx) => {
    const contextId = ContextIdFactory.getByRequest(value);
    moduleRef.registerRequestByContextId(value, contextId);
    const instance = await moduleRef.resolve<Methods>(
      wrapper.token as string,
      contextId,
    );
    return enhance
      ? enhance(instance, contextId)(value, tx)
      : callMethod(instance, method, value, tx);
  };
}

/** Passes a second argument only if there is one: a method may count its arguments. */
function callMethod(
  instance: Methods,
  method: string,
  value: HandlerArgument,
  tx: XeniooTransaction | undefined,
): unknown {
  return tx ? instance[method]!(value, tx) : instance[method]!(value);
}
