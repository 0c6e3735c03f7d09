import { WIRE_FIELDS } from './wire-entry.js';

/** Deepest nesting of an entry, itself counted. */
export const DEEPEST_NESTING = 100;

/**
 * Freezes a JSON value through and through.
 * @returns whether it is nested no deeper than {@link DEEPEST_NESTING}; if not, parts of it stay unfrozen
 */
export function freezeEntry(entry: unknown, depth = 1): boolean {
  if (typeof entry !== 'object' || entry === null) return true;
  if (depth > DEEPEST_NESTING) return false;
  Object.freeze(entry);
  return Object.values(entry).every(child => freezeEntry(child, depth + 1));
}

const DOCUMENTED = new Set<string>(WIRE_FIELDS);

/** Returns the fields of an entry that are not documented, untouched and frozen. */
export function variablesOf(
  raw: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const variables: Record<string, unknown> = {};
  for (const name of Object.keys(raw)) {
    if (DOCUMENTED.has(name)) continue;
    const value = raw[name];
    // An assignment to `__proto__` would replace the prototype instead, and where
    // the host froze `Object.prototype`, one to any name of it would throw.
    if (name in variables) {
      Object.defineProperty(variables, name, { value, enumerable: true });
    } else {
      variables[name] = value;
    }
  }
  return Object.freeze(variables);
}
