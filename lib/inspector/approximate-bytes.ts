/** Bytes counted for an object, a number and the like. */
const BYTES_PER_VALUE = 16;

/** Returns the approximate size of a JSON value in memory; stops counting above the limit. */
export function approximateBytes(value: unknown, limit: number): number {
  if (typeof value === 'string') return BYTES_PER_VALUE + value.length * 2;
  let bytes = BYTES_PER_VALUE;
  if (typeof value !== 'object' || value === null) return bytes;
  for (const name in value) {
    if (bytes > limit) break;
    const member = (value as Record<string, unknown>)[name];
    bytes += name.length + approximateBytes(member, limit - bytes);
  }
  return bytes;
}
