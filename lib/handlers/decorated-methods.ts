import 'reflect-metadata';

const METHODS = Symbol.for('nestjs-xenioo:decorated-methods');
const CLASSES = Symbol.for('nestjs-xenioo:decorated-classes');

/** Prototypes with decorated methods; absent after the first application of the process has checked them. */
interface ClassRegistry {
  prototypes?: Set<object>;
}

/** Returns the registry of the process, which all loaded copies of this package share. */
function classRegistry(): ClassRegistry {
  const shared = globalThis as { [CLASSES]?: ClassRegistry };
  return (shared[CLASSES] ??= { prototypes: new Set() });
}

export function addDecoratedMethod(prototype: object, key: string): void {
  const keys = new Set([...decoratedMethodsOf(prototype), key]);
  Reflect.defineMetadata(METHODS, [...keys], prototype);
  classRegistry().prototypes?.add(prototype);
}

/** Returns the names of the methods that were decorated on a prototype itself, including those that another decorator replaced. */
export function decoratedMethodsOf(prototype: object): readonly string[] {
  const keys: unknown = Reflect.getOwnMetadata(METHODS, prototype);
  return (keys as readonly string[] | undefined) ?? [];
}

/**
 * Returns the prototypes that were decorated before the first application of this
 * process booted, and deletes the list. Later applications, as in tests, rarely
 * contain every class that the process has loaded, so they check nothing.
 */
export function drainUncheckedPrototypes(): object[] {
  const { prototypes = [] } = classRegistry();
  delete classRegistry().prototypes;
  return [...prototypes];
}
