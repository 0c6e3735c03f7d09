/**
 * Returns whether two values are equal, including own keys of any name (also
 * `__proto__` and `constructor`), their order and the sign of zero.
 */
export function isIdentical(one: unknown, other: unknown): boolean {
  if (!isObject(one) || !isObject(other)) return Object.is(one, other);
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  if (one instanceof Date) return Number(one) === Number(other);
  const [ones, others] = [Object.entries(one), Object.entries(other)];
  return (
    ones.length === others.length &&
    ones.every(([key, value], index) => {
      const [otherKey, otherValue] = others[index]!;
      return key === otherKey && isIdentical(value, otherValue);
    })
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
