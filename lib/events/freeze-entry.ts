import { WIRE_FIELDS } from './wire-entry.js';

/** Upper bound of the nesting of an entry. The entry itself is level 1. */
export const MAX_NESTING = 100;

/**
 * Freezes a JSON value and everything in it.
 * @returns false if it is nested deeper than {@link MAX_NESTING}; the deeper parts are not frozen
 */
export function freezeEntry(entry: unknown, depth = 1): boolean {
  if (typeof entry !== 'object' || entry === null) return true;
  if (depth > MAX_NESTING) return false;
  Object.freeze(entry);
  return Object.values(entry).every(child => freezeEntry(child, depth + 1));
}

const DOCUMENTED = new Set<string>(WIRE_FIELDS);

/** Returns the undocumented fields of an entry in a frozen object. */
export function variablesOf(
  raw: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const variables: Record<string, unknown> = {};
  for (const name of Object.keys(raw)) {
    if (DOCUMENTED.has(name)) continue;
    const value = raw[name];
    // Assigning to `__proto__` would replace the prototype, and assigning to any
    // name of a frozen `Object.prototype` would throw.
    if (name in variables) {
      Object.defineProperty(variables, name, { value, enumerable: true });
    } else {
      variables[name] = value;
    }
  }
  return Object.freeze(variables);
}
