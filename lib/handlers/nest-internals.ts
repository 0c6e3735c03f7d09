import {
  ForbiddenException,
  type CanActivate,
  type Type,
} from '@nestjs/common';
import {
  ApplicationConfig,
  ExternalContextCreator,
  type DiscoveryService,
} from '@nestjs/core';
import { EmptyError } from 'rxjs';

/**
 * Every part of Nest that is used without being public API. `npm run test:hosts` runs
 * it on each supported major version.
 *
 * `ExternalContextCreator` applies guards, interceptors and filters to any method,
 * but it adds the global ones, ignores those of controllers, treats an error as
 * unhandled if its filter returns nothing, and does not distinguish a denial by a
 * guard from an error.
 */
interface CreatorInternals {
  readonly guardsContextCreator: { readonly config?: ApplicationConfig };
  readonly guardsConsumer: {
    tryActivate(...values: unknown[]): Promise<boolean>;
  };
  readonly filtersContextCreator: {
    create(...values: unknown[]): ExceptionsHandler;
  };
}

interface ExceptionsHandler {
  readonly filters?: readonly ExceptionFilter[];
  setCustomFilters(filters: readonly ExceptionFilter[]): void;
}

interface ExceptionFilter {
  readonly func: (error: unknown, host: unknown) => unknown;
  readonly exceptionMetatypes: readonly unknown[];
}

export type InstanceWrapper = ReturnType<
  DiscoveryService['getProviders']
>[number];

type ContextId = Parameters<ExternalContextCreator['create']>[5];

/** Result of a handler call that one of its guards denied. */
export const DENIED = Symbol('denied by a guard');

/** A denial by a guard; filters of the handler see the `ForbiddenException` that Nest throws. */
class GuardDenial extends ForbiddenException {
  override name = ForbiddenException.name;
}

/** Wraps an error that no filter of a handler caught. */
class UnhandledError {
  constructor(readonly error: unknown) {}
}

const ENHANCERS = ['__guards__', '__interceptors__', '__exceptionFilters__'];

/** Returns true if a method or its class has guards, interceptors or filters. */
export function hasEnhancers(
  { instance }: InstanceWrapper,
  method: string,
): boolean {
  const host = instance as Record<string, object>;
  return ENHANCERS.some(
    key =>
      Reflect.hasMetadata(key, host.constructor) ||
      Reflect.hasMetadata(key, host[method]!),
  );
}

/**
 * Returns the names of the guards, interceptors and filters of a method and its class
 * that Nest has not instantiated. Nest silently ignores those of instances that
 * `useFactory` or `useValue` provide.
 */
export function missingEnhancers(
  { instance, host }: InstanceWrapper,
  method: string,
): string[] {
  const methods = instance as Record<string, object>;
  return ENHANCERS.flatMap(key => [
    ...enhancersOf(methods.constructor, key),
    ...enhancersOf(methods[method]!, key),
  ])
    .filter(enhancer => typeof enhancer === 'function')
    .filter(enhancer => !host?.injectables.has(enhancer))
    .map(({ name }) => name);
}

function enhancersOf(target: object, key: string): (Type | object)[] {
  const enhancers: unknown = Reflect.getMetadata(key, target);
  return Array.isArray(enhancers) ? enhancers : [];
}

/**
 * Returns a function that calls a method with the guards, interceptors and filters of
 * the method and its class, without global ones, in a context of type `'xenioo'`.
 */
export function createEnhancer(
  wrapper: InstanceWrapper,
  method: string,
): (
  instance: object,
  contextId?: ContextId,
) => (value: unknown, tx?: unknown) => Promise<unknown> {
  const creator = isolatedCreator(wrapper.host!);
  return (instance, contextId) => {
    const call = creator.create(
      instance,
      (instance as Record<string, (value: unknown) => unknown>)[method]!,
      method,
      undefined,
      undefined,
      contextId,
      wrapper.id,
      { guards: true, interceptors: true, filters: true },
      'xenioo',
    );
    return async (value, tx) => {
      const result: unknown = await (tx ? call(value, tx) : call(value));
      if (!(result instanceof UnhandledError)) return result;
      if (result.error instanceof GuardDenial) return DENIED;
      // Nest throws for an Observable without a value; a handler may return one.
      if (result.error instanceof EmptyError) return undefined;
      throw result.error;
    };
  };
}

/** Returns the classes of the application's global guards that may deny a call. */
export function globalGuardTypes(creator: ExternalContextCreator): unknown[] {
  const { config } = (creator as unknown as CreatorInternals)
    .guardsContextCreator;
  if (!config) return [];
  return [
    ...config
      .getGlobalGuards()
      .filter(guard => !isStub(guard))
      .map(guard => guard.constructor),
    ...config.getGlobalRequestGuards().map(({ metatype }) => metatype),
  ];
}

/**
 * Returns true for a plain object whose `canActivate()` takes no parameter: it sees
 * neither the call nor the decorators of the route. nestjs-cls registers one that
 * admits every call.
 */
function isStub(guard: CanActivate): boolean {
  return guard.constructor === Object && guard.canActivate.length === 0;
}

/** Returns an `ExternalContextCreator` that sees only the handler's module, and no global guards, interceptors and filters. */
function isolatedCreator(
  module: NonNullable<InstanceWrapper['host']>,
): ExternalContextCreator {
  const view: unknown = Object.create(module, {
    hasProvider: { value: () => true },
  });
  const creator = ExternalContextCreator.fromContainer({
    getModules: () => new Map([[module.token, view]]),
    applicationConfig: new ApplicationConfig(),
  } as unknown as Parameters<typeof ExternalContextCreator.fromContainer>[0]);
  const { guardsConsumer, filtersContextCreator } =
    creator as unknown as CreatorInternals;
  const tryActivate = guardsConsumer.tryActivate.bind(guardsConsumer);
  guardsConsumer.tryActivate = async (...values) => {
    if (await tryActivate(...values)) return true;
    throw new GuardDenial('Forbidden resource');
  };
  const create = filtersContextCreator.create.bind(filtersContextCreator);
  filtersContextCreator.create = (...values) => {
    const handler = create(...values);
    handler.setCustomFilters([
      ...(handler.filters ?? []).map(returningPromise),
      { func: error => new UnhandledError(error), exceptionMetatypes: [] },
    ]);
    return handler;
  };
  return creator;
}

/** Wraps a filter so that it handles the error even if it returns nothing. */
function returningPromise(filter: ExceptionFilter): ExceptionFilter {
  return {
    ...filter,
    func: async (error, host) => filter.func(error, host),
  };
}
