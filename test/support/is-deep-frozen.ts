/** Returns whether a value and its nested values are frozen, except dates, which JavaScript can't freeze. */
export function isDeepFrozen(value: unknown): boolean {
  return (
    value instanceof Date ||
    (Object.isFrozen(value) &&
      Object.values(Object(value)).every(
        child => typeof child !== 'object' || isDeepFrozen(child),
      ))
  );
}
