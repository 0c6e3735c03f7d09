/** Returns whether a value and all it holds are frozen, dates excepted: JavaScript can't freeze them. */
export function isDeepFrozen(value: unknown): boolean {
  return (
    value instanceof Date ||
    (Object.isFrozen(value) &&
      Object.values(Object(value)).every(
        child => typeof child !== 'object' || isDeepFrozen(child),
      ))
  );
}
