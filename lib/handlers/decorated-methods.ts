import 'reflect-metadata';

const METHODS = Symbol.for('nestjs-xenioo:decorated-methods');
const CLASSES = Symbol.for('nestjs-xenioo:decorated-classes');

/** Prototypes with decorated methods; absent once an application of this process has checked them. */
interface Registry {
  prototypes?: Set<object>;
}

/** One for the process, whatever number of copies of this package it loads. */
function registry(): Registry {
  const shared = globalThis as { [CLASSES]?: Registry };
  return (shared[CLASSES] ??= { prototypes: new Set() });
}

export function addDecoratedMethod(prototype: object, key: string): void {
  const keys = new Set([...decoratedMethodsOf(prototype), key]);
  Reflect.defineMetadata(METHODS, [...keys], prototype);
  registry().prototypes?.add(prototype);
}

/** Returns the methods that were decorated on a prototype itself, replaced ones too. */
export function decoratedMethodsOf(prototype: object): readonly string[] {
  const keys: unknown = Reflect.getOwnMetadata(METHODS, prototype);
  return (keys as readonly string[] | undefined) ?? [];
}

/**
 * Returns the prototypes that were decorated before the first application of this
 * process booted, to that application only: later ones, as in tests, seldom have
 * every class that the process has loaded. The list is dropped.
 */
export function uncheckedPrototypes(): object[] {
  const { prototypes = [] } = registry();
  delete registry().prototypes;
  return [...prototypes];
}
