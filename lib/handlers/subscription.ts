import 'reflect-metadata';
import { isGeneratorFunction } from 'node:util/types';
import type { XeniooEvent } from '../events/xenioo.events.js';
import type { XeniooRetryOptions } from '../options/xenioo-retry.js';
import { unknownNameProblems } from '../options/unknown-name-problems.js';
import { kindOf, quote } from '../options/describe-value.js';
import { XeniooHandlerError } from '../xenioo.errors.js';
import { addDecoratedMethod } from './decorated-methods.js';
import type { XeniooTransaction } from './xenioo-transaction.js';

/** Subscription of one decorator on a method; a method may have several. */
export type Subscription = EventSubscription | DeadLetterSubscription;

export interface DeadLetterSubscription {
  readonly to: 'invalid' | 'failed';
  readonly name?: string;
}

export interface EventSubscription {
  readonly to: 'events';
  /** Absent for events of every type, including unknown ones. */
  readonly types?: ReadonlySet<number>;
  readonly bots?: ReadonlySet<string>;
  readonly channels?: ReadonlySet<string>;
  readonly when?: (event: XeniooEvent) => boolean;
  readonly name?: string;
  readonly retry?: XeniooRetryOptions | false;
  readonly transactional?: true;
}

const SUBSCRIPTIONS = Symbol.for('nestjs-xenioo:handlers:1');

/** Options of every handler decorator. */
export interface XeniooHandlerOptions {
  /**
   * Name of the handler, which is stored with pending retries and dead letters: set it
   * to the old name when you rename the method. It must be unique in the application.
   * @default 'Class.method'
   */
  name?: string | undefined;
}

/**
 * Decorator for methods that can be called with an `E`. Any other method does not
 * compile, with or without `strictFunctionTypes`.
 * @typeParam M type of the method
 */
export type XeniooHandlerDecorator<E> = <M extends (event: E) => unknown>(
  target: object,
  key: string,
  descriptor: TypedPropertyDescriptor<M> & XeniooHandlerFor<E, M>,
) => void;

/**
 * The same for methods that get a transaction as well.
 * @typeParam M type of the method
 */
export type XeniooTransactionalDecorator<E> = <
  M extends (event: E, tx: XeniooTransaction) => unknown,
>(
  target: object,
  key: string,
  descriptor: TypedPropertyDescriptor<M> & XeniooTransactionalFor<E, M>,
) => void;

/** Rejects a parameter type that is too narrow, which the compiler would accept without `strictFunctionTypes`. */
export type XeniooHandlerFor<E, M> = M extends (event: infer P) => unknown
  ? [E] extends [P]
    ? unknown
    : { readonly parameterMustAccept: E }
  : unknown;

/** The same for both parameters of methods that get a transaction. */
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

/**
 * Adds a subscription to a decorated method.
 * @throws {XeniooHandlerError} if the decorated element can't be a handler
 */
export function subscribe(
  target: object,
  key: string,
  descriptor: PropertyDescriptor | undefined,
  subscription: Subscription,
): void {
  addSubscription(decoratedMethod(target, key, descriptor), subscription);
  addDecoratedMethod(target, key);
}

/**
 * Returns a decorated method.
 * @throws {XeniooHandlerError} if the decorated element is not an instance method, or is a generator
 */
export function decoratedMethod(
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
    `\`${String(key ?? (target as { name?: unknown }).name)}\` can't handle events: @OnXenioo(), @OnXeniooInvalid() and @OnXeniooFailed() decorate instance methods with a string name, neither static nor private ones, and no classes`,
  );
}

/** Recognises the second argument of a standard decorator, such as `{ kind: 'method', name: 'save' }`. */
function isStandardContext(key: unknown): key is { readonly name: unknown } {
  return typeof key === 'object' && key !== null && 'kind' in key;
}

/**
 * Returns the option `name` of `@OnXeniooInvalid()` or `@OnXeniooFailed()`.
 * @throws {XeniooHandlerError} if an option is unknown or invalid
 */
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
    ...unknownNameProblems(given, ['name']),
    ...nameProblems(options.name),
  ];
  if (problems.length > 0) {
    throw new XeniooHandlerError(`${decorator}: ${problems.join('; ')}`);
  }
  return options.name === undefined ? {} : { name: options.name };
}

export function nameProblems(name: unknown = 'unset'): string[] {
  return typeof name === 'string' && /^[^\s\p{Cc}]{1,200}$/u.test(name)
    ? []
    : [
        `\`name\` must be a word of at most 200 characters, without spaces or control characters, got ${quote(name)}`,
      ];
}

export function addSubscription(method: object, added: Subscription): void {
  const subscriptions = [...subscriptionsOf(method), added];
  Reflect.defineMetadata(SUBSCRIPTIONS, subscriptions, method);
}

/** Returns the subscriptions of a method; none if it is not a handler. */
export function subscriptionsOf(method: object): readonly Subscription[] {
  const subscriptions: unknown = Reflect.getMetadata(SUBSCRIPTIONS, method);
  return (subscriptions as readonly Subscription[] | undefined) ?? [];
}
