/**
 * Returns the text of a value that came from `JSON.parse`, so that parsing it
 * again gives the same value. `JSON.stringify` turns a number too large for
 * JavaScript, such as `1e999`, into `null`, and `-0` into `0`.
 */
export function jsonText(value: unknown): string {
  return isOdd(value) ? oddText(value) : JSON.stringify(value);
}

function isOdd(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) {
    return Object.values(value).some(isOdd);
  }
  return (
    typeof value === 'number' &&
    (!Number.isFinite(value) || Object.is(value, -0))
  );
}

function oddText(value: unknown): string {
  if (typeof value === 'number' && isOdd(value)) {
    if (value === 0) return '-0';
    return value > 0 ? '1e999' : '-1e999';
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(oddText).join(',')}]`;
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}:${oddText(member)}`,
  );
  return `{${members.join(',')}}`;
}

/**
 * Copies a JSON value without the keys `constructor` and `__proto__`: class-transformer
 * skips both, and throws when it looks for the class of an object that has the first.
 */
export function withoutReservedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutReservedKeys);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(
    ([key]) => key !== 'constructor' && key !== '__proto__',
  );
  return Object.fromEntries(
    members.map(([key, member]) => [key, withoutReservedKeys(member)]),
  );
}
