import 'reflect-metadata';
import type { XeniooEvent } from '../events/xenioo.events.js';
import type { XeniooRetryOptions } from '../options/xenioo-retry.js';
import { XeniooHandlerError } from '../xenioo.errors.js';

/** What one decorator on a method asks for; a method may have several. */
export type Subscription =
  EventSubscription | { readonly to: 'invalid' } | { readonly to: 'failed' };

export interface EventSubscription {
  readonly to: 'events';
  /** Absent: events of every type, unknown ones too. */
  readonly types?: ReadonlySet<number>;
  readonly bots?: ReadonlySet<string>;
  readonly channels?: ReadonlySet<string>;
  readonly when?: (event: XeniooEvent) => boolean;
  readonly name?: string;
  readonly retry?: XeniooRetryOptions | false;
}

const SUBSCRIPTIONS = Symbol.for('nestjs-xenioo:handlers:1');

/**
 * The method under a decorator.
 * @throws {XeniooHandlerError} where there is none that could be found on an instance
 */
export function methodUnder<M>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<M> | undefined,
): M & object {
  const method = descriptor?.value;
  const isOfInstance = typeof target !== 'function';
  if (isOfInstance && typeof key === 'string' && typeof method === 'function') {
    return method;
  }
  throw new XeniooHandlerError(
    `\`${String(key)}\` can't handle events: @OnXenioo(), @OnXeniooInvalid() and @OnXeniooFailed() go on methods of instances that have a name`,
  );
}

export function addSubscription(method: object, added: Subscription): void {
  const subscriptions = [...subscriptionsOf(method), added];
  Reflect.defineMetadata(SUBSCRIPTIONS, subscriptions, method);
}

/** The subscriptions of a method; none if it is no handler. */
export function subscriptionsOf(method: object): readonly Subscription[] {
  const subscriptions: unknown = Reflect.getMetadata(SUBSCRIPTIONS, method);
  return (subscriptions as readonly Subscription[] | undefined) ?? [];
}
