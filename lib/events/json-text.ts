/**
 * Serializes a value that came from `JSON.parse` so that parsing the text gives the
 * same value again. `JSON.stringify` turns `Infinity`, which `1e999` is parsed to,
 * into `null`, and `-0` into `0`.
 */
export function jsonText(value: unknown): string {
  return hasLossyNumber(value) ? exactText(value) : JSON.stringify(value);
}

function hasLossyNumber(value: unknown): boolean {
  if (typeof value === 'number') {
    return !Number.isFinite(value) || Object.is(value, -0);
  }
  if (typeof value !== 'object' || value === null) return false;
  for (const name in value) {
    if (hasLossyNumber((value as Record<string, unknown>)[name])) return true;
  }
  return false;
}

function exactText(value: unknown): string {
  if (typeof value === 'number' && hasLossyNumber(value)) {
    if (value === 0) return '-0';
    return value > 0 ? '1e999' : '-1e999';
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(exactText).join(',')}]`;
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}:${exactText(member)}`,
  );
  return `{${members.join(',')}}`;
}

/**
 * Copies a JSON value without the keys `constructor` and `__proto__`. class-transformer
 * skips both, and throws on an object with a `constructor` key when it looks up its class.
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
