/** Returns whether a value and all it holds are frozen, but for dates, which can't be. */
export function isFrozenThrough(value: unknown): boolean {
  return (
    value instanceof Date ||
    (Object.isFrozen(value) &&
      Object.values(Object(value)).every(
        child => typeof child !== 'object' || isFrozenThrough(child),
      ))
  );
}
