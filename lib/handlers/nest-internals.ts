import { ForbiddenException, type Type } from '@nestjs/common';
import {
  ApplicationConfig,
  ExternalContextCreator,
  type DiscoveryService,
} from '@nestjs/core';
import { EmptyError } from 'rxjs';

/**
 * All that is used of Nest beyond its public API, for want of one; run on every
 * supported major by `npm run test:hosts`.
 *
 * Nest's own `ExternalContextCreator` applies guards, interceptors and filters to
 * any method, but with those of the whole application, finds none of a
 * controller's, takes a filter that returns nothing for one that did not handle
 * the error, and does not tell a denial from an error.
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

/** What a handler's call comes to when one of its guards denies it. */
export const DENIED = Symbol('denied by a guard');

/** A denial: for the filters of a handler it is what Nest throws in its place. */
class GuardDenial extends ForbiddenException {
  override name = ForbiddenException.name;
}

/** An error that no filter of a handler catches. */
class Unhandled {
  constructor(readonly error: unknown) {}
}

const ENHANCERS = ['__guards__', '__interceptors__', '__exceptionFilters__'];

/** Whether guards, interceptors or filters are written on a method or its class. */
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
 * The guards, interceptors and filters of a method and its class that Nest has
 * not made: it makes those of classes that it instantiates itself, and silently
 * leaves out those of an instance that a factory or a value gave it.
 */
export function unmadeEnhancers(
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
 * Makes what calls a method with the guards, interceptors and filters written on
 * it and on its class, and none of the application's, in contexts of type `'xenioo'`.
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
      if (!(result instanceof Unhandled)) return result;
      if (result.error instanceof GuardDenial) return DENIED;
      // Nest wants a value of every Observable; a handler need not have one.
      if (result.error instanceof EmptyError) return undefined;
      throw result.error;
    };
  };
}

/** Returns the classes of the guards that the host has for all its routes. */
export function globalGuardTypes(creator: ExternalContextCreator): unknown[] {
  const { config } = (creator as unknown as CreatorInternals)
    .guardsContextCreator;
  if (!config) return [];
  return [
    ...config.getGlobalGuards().map(guard => guard.constructor),
    ...config.getGlobalRequestGuards().map(({ metatype }) => metatype),
  ];
}

/** Knows of one module only, the handler's own, and of no global guard, interceptor or filter. */
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
      ...(handler.filters ?? []).map(handled),
      { func: error => new Unhandled(error), exceptionMetatypes: [] },
    ]);
    return handler;
  };
  return creator;
}

/** A filter that returns nothing has handled the error all the same. */
function handled(filter: ExceptionFilter): ExceptionFilter {
  return {
    ...filter,
    func: async (error, host) => filter.func(error, host),
  };
}
