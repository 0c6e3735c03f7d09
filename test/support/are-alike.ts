import { isSame } from './is-same.js';

/** All that can be told of the events of one entry, but for how their `id` comes about. */
export function areAlike(one: object, other: object): boolean {
  const [ones, others] = [propertiesOf(one), propertiesOf(other)];
  return (
    isSame(one, other) &&
    isSame(ones, others) &&
    isFrozenThrough(one) === isFrozenThrough(other)
  );
}

/** Of each own property, that is of a symbol too: what it may be used for. */
function propertiesOf(event: object): unknown[] {
  return Reflect.ownKeys(event).map(name => {
    const property = Object.getOwnPropertyDescriptor(event, name)!;
    const { enumerable, configurable } = property;
    const writable = name === 'id' ? undefined : property.writable;
    return { name, enumerable, configurable, writable };
  });
}

/** But for dates, which are the same whether frozen or not. */
export function isFrozenThrough(value: unknown): boolean {
  return (
    value instanceof Date ||
    (Object.isFrozen(value) &&
      Object.values(Object(value)).every(
        child => typeof child !== 'object' || isFrozenThrough(child),
      ))
  );
}
