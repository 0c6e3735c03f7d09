/**
 * Whether two values are alike in all that can be told apart: own keys of any
 * name, `__proto__` and `constructor` too, their order, the sign of a zero.
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
