import 'reflect-metadata';
import { isGeneratorFunction } from 'node:util/types';
import type { XeniooEvent } from '../events/xenioo.events.js';
import type { XeniooRetryOptions } from '../options/xenioo-retry.js';
import { unknownNames } from '../options/unknown-names.js';
import { kindOf, quote } from '../options/describe-value.js';
import { XeniooHandlerError } from '../xenioo.errors.js';
import { addDecoratedMethod } from './decorated-methods.js';
import type { XeniooTransaction } from './xenioo-transaction.js';

/** What one decorator on a method asks for; a method may have several. */
export type Subscription = EventSubscription | DeadLetterSubscription;

export interface DeadLetterSubscription {
  readonly to: 'invalid' | 'failed';
  readonly name?: string;
}

export interface EventSubscription {
  readonly to: 'events';
  /** Absent: events of every type, unknown ones too. */
  readonly types?: ReadonlySet<number>;
  readonly bots?: ReadonlySet<string>;
  readonly channels?: ReadonlySet<string>;
  readonly when?: (event: XeniooEvent) => boolean;
  readonly name?: string;
  readonly retry?: XeniooRetryOptions | false;
  readonly transactional?: true;
}

const SUBSCRIPTIONS = Symbol.for('nestjs-xenioo:handlers:1');

/** Option that `@OnXenioo()`, `@OnXeniooInvalid()` and `@OnXeniooFailed()` have in common. */
export interface XeniooHandlerOptions {
  /**
   * Name of the handler, under which is kept what it has done: keep it when you
   * rename the method. No two handlers of an app may have the same.
   * @default 'Class.method'
   */
  name?: string | undefined;
}

/**
 * Fits every method that can be called with an `E`; on another the compiler shows
 * both types, with `strictFunctionTypes` and without.
 */
export type XeniooHandlerDecorator<E> = <M extends (event: E) => unknown>(
  target: object,
  key: string,
  descriptor: TypedPropertyDescriptor<M> & XeniooHandlerFor<E, M>,
) => void;

/** The same for methods that get a transaction as well. */
export type XeniooTransactionalDecorator<E> = <
  M extends (event: E, tx: XeniooTransaction) => unknown,
>(
  target: object,
  key: string,
  descriptor: TypedPropertyDescriptor<M> & XeniooTransactionalFor<E, M>,
) => void;

export type XeniooTransactionalFor<E, M> = M extends (
  event: infer P,
  tx: infer T,
) => unknown
  ? [E] extends [P]
    ? [XeniooTransaction] extends [T]
      ? unknown
      : { readonly secondParameterMustAccept: XeniooTransaction }
    : { readonly parameterMustAccept: E }
  : unknown;

/** Without `strictFunctionTypes`, a method with too narrow a parameter extends `(event: E) => unknown`. */
export type XeniooHandlerFor<E, M> = M extends (event: infer P) => unknown
  ? [E] extends [P]
    ? unknown
    : { readonly parameterMustAccept: E }
  : unknown;

/**
 * Subscribes the method under a decorator.
 * @throws {XeniooHandlerError} where there is no method, or one that could not handle anything
 */
export function subscribe(
  target: object,
  key: string,
  descriptor: PropertyDescriptor | undefined,
  subscription: Subscription,
): void {
  addSubscription(methodUnder(target, key, descriptor), subscription);
  addDecoratedMethod(target, key);
}

/**
 * Returns the method under a decorator.
 * @throws {XeniooHandlerError} where there is none that could be found on an instance
 */
export function methodUnder(
  target: object,
  key: unknown,
  descriptor: PropertyDescriptor | undefined,
): object {
  if (isStandardContext(key)) {
    throw new XeniooHandlerError(
      `\`${String(key.name)}\` can't handle events: it was compiled with standard decorators, and NestJS needs the experimental ones. Set \`experimentalDecorators\` to true in the tsconfig.json of the app; tsx, Bun, Deno and esbuild read it there.`,
    );
  }
  const method: unknown = descriptor?.value;
  if (isGeneratorFunction(method)) {
    throw new XeniooHandlerError(
      `\`${String(key)}\` can't handle events: it is a generator (\`*${String(key)}()\`), whose body would not run. Make it a method, async or not, without \`*\`.`,
    );
  }
  const isOfInstance = typeof target !== 'function';
  if (isOfInstance && typeof key === 'string' && typeof method === 'function') {
    return method;
  }
  throw new XeniooHandlerError(
    `\`${String(key)}\` can't handle events: @OnXenioo(), @OnXeniooInvalid() and @OnXeniooFailed() go on methods of instances that have a name`,
  );
}

/** A standard decorator gets the value and a context, such as `{ kind: 'method', name: 'save' }`. */
function isStandardContext(key: unknown): key is { readonly name: unknown } {
  return typeof key === 'object' && key !== null && 'kind' in key;
}

/** @throws {XeniooHandlerError} when the options of `@OnXeniooInvalid()` or `@OnXeniooFailed()` can't work */
export function checkedName(
  decorator: string,
  options: XeniooHandlerOptions,
): { readonly name?: string } {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) {
    throw new XeniooHandlerError(
      `${decorator} expects an object of options, got ${kindOf(given)}`,
    );
  }
  const problems = [
    ...unknownNames(given, ['name']),
    ...nameProblems(options.name),
  ];
  if (problems.length > 0) {
    throw new XeniooHandlerError(`${decorator}: ${problems.join('; ')}`);
  }
  return options.name === undefined ? {} : { name: options.name };
}

export function nameProblems(name: unknown = 'unset'): string[] {
  return typeof name === 'string' && /^\S{1,200}$/.test(name)
    ? []
    : [
        `\`name\` must be a word of at most 200 characters, without spaces, got ${quote(name)}`,
      ];
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
